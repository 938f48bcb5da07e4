"""Who issued a document: the name that letterhead, legal form, web address, VAT number and labels agree on."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from ai2.receipts.extraction.confidence import Judged
from ai2.receipts.extraction.paper import Paper, Piece
from ai2.receipts.extraction.visible import words
from ai2.receipts.extraction.visible.companies import DOMAIN, EVERYBODYS, LEGAL, NAMED, REGISTERED, SECOND, THANKS

_BANK = re.compile(
    r"(?<!\w)(?:bank\w*|\w*bank|sparkasse|banque|banco|banca|volksbank|iban|kredit\w*)(?!\w)", re.IGNORECASE
)
_SEPARATED = re.compile(r"\s[-–|•·*]\s|\s{2,}|[|•·]|,\s(?=\d)")
_BRAND = re.compile(r"(?<![\w@.-])[A-Z][\w]{2,30}(?![\w@-])")
_STRAY = re.compile(r"^[\W_]+|[\s,;:|•·*–-]+$")
# More names, or addresses, than any document has.
MAX_NAMES, MAX_DOMAINS = 250, 20
_WEIGHTS = {
    "label": 4.0, "legal": 1.6, "domain": 2.2, "registered": 1.4, "top": 0.8, "largest": 1.4, "foot": 0.7,
    "owner": 1.8, "brand": 2.0, "alt": 1.6, "twice": 0.6, "recipient": -4.0, "bank": -3.0, "plain": -0.8,
}  # fmt: skip


@dataclass
class _Name:
    text: str
    where: str
    signs: set[str] = field(default_factory=set)
    times: int = 0

    @property
    def score(self) -> float:
        return sum(_WEIGHTS[sign] for sign in self.signs)


def key(name: str) -> str:
    """A name for comparison: letters and digits, without its legal form."""
    bare = re.sub(rf"(?:[\s,(]+(?:{LEGAL}))+\)?$", "", name.strip())
    return re.sub(r"[\W_]+", "", words.folded(bare))


def supplier(paper: Paper) -> Judged[str] | None:
    names: dict[str, _Name] = {}
    for text, where, sign in _candidates(paper):
        _add(names, text, where, sign)
        if len(names) >= MAX_NAMES:
            break
    _with_domains(names, paper)
    _merge(names)
    ranked = sorted(names.values(), key=lambda name: (-name.score, -len(name.text)))
    if not ranked or ranked[0].score <= 0:
        return None
    best = _known_by(ranked)
    margin = best.score - max((each.score for each in ranked if each is not best), default=-9.0)
    kinds = len(best.signs & {"label", "legal", "domain", "registered", "largest", "owner", "alt", "top", "foot"})
    standing = "ahead" if margin >= 1.2 else "close"
    what = next((sign for sign in ("label", "brand", "domain") if sign in best.signs), "name")
    return Judged(best.text, f"{what}, {min(kinds, 4)}, {standing}", best.where)


def _known_by(ranked: list[_Name]) -> _Name:
    """Where a web address does not repeat the legal name but another one on the paper, that is how people know them."""
    if "domain" in ranked[0].signs:
        return ranked[0]
    return next((name for name in ranked if {"brand", "domain"} <= name.signs), ranked[0])


def _add(names: dict[str, _Name], text: str, where: str, sign: str) -> None:
    text = _STRAY.sub("", text).strip()
    known = key(text)
    if not 2 <= len(known) <= 60 or not any(letter.isalpha() for letter in known):
        return
    name = names.setdefault(known, _Name(text, where))
    if re.search(rf"\s(?:{LEGAL})$", text) and not re.search(rf"\s(?:{LEGAL})$", name.text):
        name.text, name.where = text, where
    name.signs.add(sign)
    if sign in ("legal", "largest", "top", "label"):
        name.times += 1
        if name.times > 2:
            name.signs.add("twice")


def _candidates(paper: Paper) -> Iterator[tuple[str, str, str]]:
    recipients = _recipients(paper)
    first = [piece for piece in paper.pieces if piece.page == 0]
    head = first[: max(6, len(first) // 6)]
    largest = max((piece.size for piece in head), default=0.0)
    for alt in paper.names:
        yield re.sub(r"(?i)\W*\b(?:logo|image|icon)\b\W*", " ", alt).strip(), f"picture: {alt[:60]}", "alt"
    for piece in paper.pieces:
        for text, sign in _in_piece(piece):
            yield text, piece.where, sign
            for more in _standing(paper, piece, recipients):
                yield text, piece.where, more
    for place, piece in enumerate(head):
        text = _without_title(_SEPARATED.split(piece.text)[0])
        if text and _looks_like_name(text) and piece not in recipients:
            yield text, piece.where, "top"
            if largest > 1.05 * min(each.size for each in head) and piece.size >= 0.95 * largest:
                yield text, piece.where, "largest"
            if not NAMED.search(piece.text):
                yield text, piece.where, "plain"
            if place == 0:
                yield text, piece.where, "largest"
    yield from _labelled(paper)


def _in_piece(piece: Piece) -> Iterator[tuple[str, str]]:
    for match in NAMED.finditer(piece.text):
        text = f"{match['name']} {match['legal']}" if "," not in match[0] else match[0]
        yield _after_link(text), "legal"
        if _BANK.search(match[0]):
            yield _after_link(text), "bank"
    for match in THANKS.finditer(piece.text):
        yield _without_rights(match["owner"] or match["thanks"]), "owner"


def _after_link(text: str) -> str:
    return _without_title(text) or text


def _standing(paper: Paper, piece: Piece, recipients: set[Piece]) -> Iterator[str]:
    if piece in recipients:
        yield "recipient"
    elif _is_registered(paper, piece):
        yield "registered"
    if piece.page == 0 and piece.row < 4:
        yield "top"
    if piece.row >= len(paper.rows) * 0.8:
        yield "foot"


def _is_registered(paper: Paper, piece: Piece) -> bool:
    """A VAT or company number, or an account, in its block."""
    if REGISTERED.search(piece.text):
        return True
    near = [other for other in paper.below(piece, 7) if other.top - piece.bottom < 12 * max(piece.size, 1.0)]
    return any(REGISTERED.search(other.text) and not _starts_recipient(other) for other in near)


def _recipients(paper: Paper) -> set[Piece]:
    """What stands in the block below or right of words like `bill to`."""
    found: set[Piece] = set()
    for piece in paper.pieces:
        if _starts_recipient(piece):
            found.add(piece)
            found.update(other for other in paper.after(piece)[:1] if ":" in piece.text or len(piece.text) < 30)
            for row in paper.rows[piece.row + 1 : piece.row + 5]:
                found.update(o for o in row if o.page == piece.page and abs(o.left - piece.left) < 3 * max(o.size, 1.0))
    return found


def _starts_recipient(piece: Piece) -> bool:
    plain = words.folded(piece.text)
    match = words.RECIPIENT.match(plain)
    return bool(match and (match.end() == len(plain.rstrip(" :")) or plain[match.end() :].lstrip()[:1] == ":"))


def _labelled(paper: Paper) -> Iterator[tuple[str, str, str]]:
    for piece in paper.pieces:
        plain = words.folded(piece.text)
        match = words.SELLER.match(plain)
        if not match:
            continue
        rest = piece.text[match.end() :]
        if rest.lstrip()[:1] == ":" and rest.strip(" :"):
            yield _SEPARATED.split(rest.strip(" :"))[0].split(", ")[0], piece.where, "label"
        elif not rest.strip(" :"):
            others = [*paper.after(piece)[:1], *list(paper.below(piece, 3))[:3]]
            for other in others:
                if _looks_like_name(other.text) and not other.text.startswith("("):
                    yield _SEPARATED.split(other.text)[0], other.where, "label"
                    break


def _with_domains(names: dict[str, _Name], paper: Paper) -> None:
    """A name that a web address repeats; a web address without a name is one, the last resort."""
    recipients = {piece.where for piece in _recipients(paper)}
    roots: dict[str, str] = {}
    for piece in paper.pieces:
        if piece.where not in recipients:
            for match in DOMAIN.finditer(piece.text.lower()):
                root = _root(match["host"])
                if root and root not in EVERYBODYS:
                    roots.setdefault(root, piece.where)
    said = _BRAND.findall(paper.text)
    for root, where in list(roots.items())[:MAX_DOMAINS]:
        plain = re.sub(r"[\W_]+", "", root)
        _add_brand(names, said, plain, where)
        agreeing = [name for known, name in names.items() if _agree(plain, known, name.text)]
        for name in agreeing:
            name.signs.add("domain")
        if not agreeing:
            names.setdefault(plain, _Name(root.capitalize(), where, {"domain"}))


def _add_brand(names: dict[str, _Name], words_said: list[str], root: str, where: str) -> None:
    """What a web address begins with and the paper says more than once is the name by which people know them."""
    said = [word for word in words_said if root.startswith(word.casefold()) and not words.is_label(word)]
    if said:
        word = max(set(said), key=said.count)
        if said.count(word) > 1:
            _add(names, word, where, "brand")
            _add(names, word, where, "domain")


def _root(host: str) -> str:
    parts = host.split(".")
    parts = parts[:-2] if len(parts) > 2 and parts[-2] in SECOND else parts[:-1]
    return parts[-1] if parts else ""


def _agree(root: str, known: str, text: str) -> bool:
    if len(root) < 3 or len(known) < 3:
        return root == known
    initials = "".join(word[0] for word in re.findall(r"[^\W\d_]+", words.folded(text)))
    whole = min(len(root), len(known)) >= 4 and (root.startswith(known) or known.startswith(root))
    return root == known or whole or (len(root) >= 3 and root == initials) or fuzz.ratio(root, known) >= 85


def _merge(names: dict[str, _Name]) -> None:
    """A name and the same with a legal form or another word behind it are one; the longer one is whole."""
    by_start: dict[str, list[str]] = defaultdict(list)
    for known in names:
        for other in names:
            if known != other and other.startswith(known) and len(known) >= 4:
                by_start[known].append(other)
    for known, longer in by_start.items():
        target = max(longer, key=lambda each: names[each].score)
        names[target].signs |= names[known].signs - {"recipient", "plain"}


def _without_title(text: str) -> str:
    """Without the words that say what kind of document it is."""
    plain = words.folded(text)
    match = words.TITLES.search(plain)
    if not match:
        return _STRAY.sub("", text).strip()
    kept = text[: match.start()] if match.start() else text[match.end() :]
    return _STRAY.sub("", kept).strip()


def _without_rights(text: str) -> str:
    return re.split(r"(?i)\W+(?:all rights|alle rechte|tous droits|todos los|tutti i|inc and)", text)[0].strip()


def _looks_like_name(text: str) -> bool:
    letters = sum(sign.isalpha() for sign in text)
    digits = sum(sign.isdigit() for sign in text)
    many = len(text.split())
    is_label = text.rstrip().endswith(":") or ":" in text
    return letters >= 2 and digits <= letters / 3 and many <= 7 and not is_label and text[:1].upper() == text[:1]
