"""The total: the amount that its label, its place and arithmetic say was to be paid; and the tax within it.

Net and tax add up to it, or the lines above do: where that holds, the total is proved.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ai2.receipts.extraction.confidence import Judged
from ai2.receipts.extraction.paper import Paper, Piece
from ai2.receipts.extraction.visible import words
from ai2.receipts.extraction.visible.amounts import Sum
from ai2.receipts.extraction.visible.values import Found, above

TABLE_ROWS = 40
CENT = Decimal("0.01")
# What a label is worth.
_WORTH = {"due": 5.0, "gross": 5.0, "total": 4.0, "amount": 1.5, "net": 0.6, None: 0.0}
_PROOF, _LARGEST, _REPEATED, _IN_SENTENCE = 3.0, 1.0, 0.4, -2.0
# So many amounts from the end are looked at as parts of a sum, and so many candidates proved.
MOST, PROVED = 120, 40


@dataclass(frozen=True)
class Labelled:
    """An amount and the kind that its label tells."""

    found: Found[Sum]
    kind: str | None

    @property
    def value(self) -> Decimal:
        return self.found.value.value


@dataclass(frozen=True)
class Total:
    """The total with what speaks for it, and the tax that with a net amount makes it, where there is one."""

    judged: Judged[Decimal]
    found: Found[Sum]
    tax: Judged[Decimal] | None


@dataclass
class _Candidate:
    best: Labelled
    score: float
    is_proved: bool
    times: int


def total(paper: Paper, found: Sequence[Found[Sum]]) -> Total | None:
    is_plain = not any(each.value.is_money for each in found)
    known = [Labelled(each, _kind(paper, each, found)) for each in found if is_plain or each.value.is_money]
    if is_plain:
        known = [each for each in known if each.kind in ("due", "gross", "total")]
    ranked = _ranked(known)
    if not ranked:
        return None
    first = ranked[0]
    rival = ranked[1].score if len(ranked) > 1 else -9.0
    taxes = _taxes(known, first.best.value)
    evidence = ", ".join(
        (first.best.kind or "unlabelled", *(["proved"] if first.is_proved else []),
         "ahead" if first.score - rival >= 1.0 else "close")
    )  # fmt: skip
    where = first.best.found
    return Total(Judged(first.best.value, evidence, where.piece.where), where, taxes)


def _ranked(known: Sequence[Labelled]) -> list[_Candidate]:
    values = [abs(each.value) for each in known if each.kind not in ("paid", "rate")]
    largest = max(values, default=Decimal(0))
    has_paid = any(each.kind == "paid" for each in known)
    candidates: dict[Decimal, _Candidate] = {}
    for place, each in enumerate(known):
        if each.value <= 0 and largest > 0:
            continue
        if each.kind not in _WORTH:
            continue
        score = _WORTH[each.kind] - (2.5 if each.kind == "due" and has_paid else 0.0)
        score += _IN_SENTENCE if len(each.found.piece.text) > words.LONGEST else 0.0
        score += 0.3 * place / len(known)
        candidate = candidates.setdefault(each.value, _Candidate(each, score, False, 0))
        candidate.times += 1
        if score > candidate.score:
            candidate.best, candidate.score = each, score
    for value, candidate in sorted(candidates.items(), key=lambda item: -item[1].score)[:PROVED]:
        candidate.is_proved = _is_proved(value, known)
        candidate.score += _PROOF * candidate.is_proved + _LARGEST * (value == largest)
        candidate.score += _REPEATED * min(candidate.times - 1, 2)
    labelled = [each for each in candidates.values() if each.best.kind or each.is_proved]
    return sorted(labelled, key=lambda each: -each.score)


def _is_proved(value: Decimal, known: Sequence[Labelled]) -> bool:
    """Net and tax make it, or the unlabelled amounts above add up to it or to its net."""
    return _net_and_tax(value, known) is not None or _lines_make(value, known)


def _net_and_tax(value: Decimal, known: Sequence[Labelled]) -> tuple[Decimal, Decimal] | None:
    """A net amount and a tax that make it; all the rates of tax together, or one."""
    taxes = {abs(each.value) for each in known if each.kind == "tax" and 0 < abs(each.value) < value}
    sums = [taxes, {sum(taxes, Decimal(0))}]
    nets = {abs(each.value) for each in known[-MOST:] if each.kind in ("net", "total", "amount", None)}
    for several in sums:
        for tax in several:
            if tax and value - tax > 0 and value - tax in nets and tax / value <= Decimal("0.35"):
                return value - tax, tax
    return None


def _lines_make(value: Decimal, known: Sequence[Labelled]) -> bool:
    """Whether amounts in one column above, at least two, make it."""
    places = [each for each in known[-MOST:] if each.value == value]
    for place in places:
        lines = [
            each.value
            for each in known[-MOST:]
            if each.kind in (None, "amount", "shipping", "tax", "discount", "line")
            and each.found.piece.row < place.found.piece.row
            and _is_in_column(each.found.piece, place.found.piece)
        ]
        for start in range(max(len(lines) - 1, 0)):
            if sum(lines[start:]) == value:
                return True
        if len(lines) > 2 and sum(each for each in lines) == value:
            return True
    return False


def _is_in_column(one: Piece, other: Piece) -> bool:
    return one.overlap(other) > 0.2 or abs(one.right - other.right) < 2 * max(one.size, other.size)


def _taxes(known: Sequence[Labelled], value: Decimal) -> Judged[Decimal] | None:
    proof = _net_and_tax(value, known)
    taxes = [each for each in known if each.kind == "tax"]
    if proof:
        where = next((each for each in taxes if abs(each.value) == proof[1]), taxes[0])
        return Judged(proof[1], "proved", where.found.piece.where)
    different = {each.value for each in taxes}
    if len(different) == 1:
        [only] = different
        evidence = "none" if only == 0 else "alone" if abs(only) < value * Decimal("0.3") else "large"
        return Judged(only, evidence, taxes[0].found.piece.where)
    return None


def _kind(paper: Paper, each: Found[Sum], all_found: Iterable[Found[Sum]]) -> str | None:
    """By the words before it, else left of it in its row; a column's header tells which of several in a row it is."""
    beside = _beside(paper, each)
    if beside and beside != "amount" and not (beside in ("total", "gross") and _is_one_of_several(paper, each)):
        return beside
    header = _header(paper, each, beside)
    return header or beside


def _beside(paper: Paper, each: Found[Sum]) -> str | None:
    before = _since_last_number(each.before)
    if before.strip(" :-–()"):
        return words.kind(before, words.AMOUNT_KINDS)
    left = [piece for piece in paper.rows[each.piece.row] if piece.left < each.piece.left]
    for piece in reversed(left):
        told = words.kind(piece.text, words.AMOUNT_KINDS)
        if told:
            return told
    return None


def _since_last_number(text: str) -> str:
    """Of `Net 10.00 VAT 1.90` what stands before the last amount only; a rate belongs to the words."""
    parts = text.replace("%", "").split()
    for place in range(len(parts) - 1, -1, -1):
        if any(sign.isdigit() for sign in parts[place]) and ("." in parts[place] or "," in parts[place]):
            return " ".join(parts[place + 1 :]) or text
    return text


def _is_one_of_several(paper: Paper, each: Found[Sum]) -> bool:
    row = paper.rows[each.piece.row]
    return sum(any(sign.isdigit() for sign in piece.text) for piece in row) > 1


def _header(paper: Paper, each: Found[Sum], beside: str | None) -> str | None:
    """A box: its label stands over it. In a row of totals the header of the table tells which."""
    row = paper.rows[each.piece.row]
    if beside:
        for piece in above(paper, each.piece, TABLE_ROWS):
            told = _header_kind(piece)
            if told:
                return told if told in ("net", "tax", "gross", "discount", "shipping") else beside
        return beside
    if all(_is_figure(piece) for piece in row):
        for piece in above(paper, each.piece, 3):
            told = _header_kind(piece)
            if told:
                return told
    return None


def _header_kind(piece: Piece) -> str | None:
    if any(sign.isdigit() for sign in piece.text.replace("%", "")):
        return None
    return words.kind(piece.text, words.AMOUNT_KINDS)


def _is_figure(piece: Piece) -> bool:
    letters = sum(sign.isalpha() for sign in piece.text)
    return any(sign.isdigit() for sign in piece.text) and letters <= 3
