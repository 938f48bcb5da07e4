"""Numbers of invoices and orders: what stands behind, right of, or below the words that announce one."""

import re

from ai2.receipts.extraction.confidence import Judged
from ai2.receipts.extraction.paper import Paper, Piece
from ai2.receipts.extraction.visible import words
from ai2.receipts.extraction.visible.values import ABOVE_ROWS

_CODE = re.compile(
    r"[#№]?(?:[A-Z]{1,5}[ ](?=[\w#]*\d))?[A-Za-z#]{0,16}(?:[\w#-]*[/._-])*[\w]*\d[\w]*(?:(?:[/._-]| ?/ ?)[\w]+)*"
)
_BEHIND = re.compile(r"[\s:.#№°º|-]*(?:(?:is|ist|est|es|lautet)\s)?[\s:]*")
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{2,4}|\d{1,2}[./]\d{1,2}[./]?")
_LONGEST = 36
_PLACES = {"same": 1.0, "right": 0.8, "below": 0.6}


def number(paper: Paper) -> Judged[str] | None:
    """The document's own. Where no words say `number`, one behind the word invoice."""
    return _best(paper, words.NUMBER, "labelled") or _best(paper, words.BARE_NUMBER, "bare")


def order_number(paper: Paper) -> Judged[str] | None:
    return _best(paper, words.ORDER_NUMBER, "labelled")


def _best(paper: Paper, label: re.Pattern[str], name: str) -> Judged[str] | None:
    """The one told best; what several places agree on stands before what one says."""
    found: dict[str, tuple[float, str, Piece]] = {}
    for piece in paper.pieces:
        for match in label.finditer(words.folded(piece.text)):
            if len(piece.text) > 160:
                continue
            told = _value(paper, piece, match.end(), is_bare=name == "bare")
            if told:
                code, place, where = told
                score, _, _ = found.get(code, (0.0, "", where))
                found[code] = (score + _PLACES[place], place if not score else found[code][1], where)
    if not found:
        return None
    ranked = sorted(found.items(), key=lambda item: -item[1][0])
    code, (score, place, where) = ranked[0]
    close = len(ranked) > 1 and ranked[1][1][0] > score - 0.15
    return Judged(code, f"{name}, {place}" + (", contested" if close else ""), where.where)


def _value(paper: Paper, piece: Piece, end: int, *, is_bare: bool) -> tuple[str, str, Piece] | None:
    behind = _BEHIND.match(piece.text, end)
    rest = piece.text[behind.end() if behind else end :]
    if code := _code(rest, is_bare=is_bare):
        return code, "same", piece
    if any(sign.isdigit() for sign in rest) or (rest and is_bare):
        return None
    if is_bare and ":" not in piece.text and "#" not in piece.text:
        return _below_title(paper, piece)
    for other in paper.after(piece)[:1]:
        if code := _code(other.text, is_bare=is_bare):
            return code, "right", other
    return None if is_bare else _below(paper, piece)


def _below(paper: Paper, piece: Piece) -> tuple[str, str, Piece] | None:
    """What the column has there, and not what stands under that."""
    for other in paper.below(piece, ABOVE_ROWS):
        if code := _code(other.text, is_bare=False):
            return code, "below", other
        if other.overlap(piece) > 0.8:
            break
    return None


def _below_title(paper: Paper, piece: Piece) -> tuple[str, str, Piece] | None:
    """`INVOICE` and below it `# 1234`; or the heading of a table and below it a code and nothing else."""
    is_heading = len(paper.rows[piece.row]) > 1 and words.BARE_NUMBER.fullmatch(words.folded(piece.text.strip()))
    for other in list(paper.below(piece, 2))[:1]:
        code = _code(other.text.lstrip("# "), is_bare=not other.text.startswith("#"))
        if code and (other.text.startswith("#") or (is_heading and code == other.text)):
            return code, "below", other
    return None


def _code(text: str, *, is_bare: bool) -> str | None:
    """A code at the beginning of the text that is no date, no amount and no year."""
    match = _CODE.match(text)
    if not match:
        return None
    code = match[0].rstrip("._-/")
    rest = text[match.end() :].lstrip()
    digits = sum(sign.isdigit() for sign in code)
    if not 1 <= len(code) <= _LONGEST or _DATE.fullmatch(code) or rest[:1] in ("%", "€", "$", "£"):
        return None
    if is_bare and (digits < 4 or re.fullmatch(r"(?:19|20)\d\d", code)):
        return None
    return code
