"""The heading: where a file's preamble ends, its header (if it has one), and how many columns follow."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ai2.ingest.layout import amounts, dates
from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.sheet import Record
from ai2.ingest.layout.words import BOOKED, CURRENCIES, PENDING_SECTIONS, SECTION_NOUNS, Role, plain, rank
from ai2.ingest.problems import NoTransactions, TooManyColumns

MAX_COLUMNS = 400
MONEY = frozenset({Role.AMOUNT, Role.DEBIT, Role.CREDIT})
STRONG = 100
# What the rows from here on are; `other` stand under a header that is not the file's first.
Section = Literal["booked", "pending", "other"]


@dataclass(frozen=True)
class Heading:
    """`skip` records lie above the first row; `names` are the columns', made up from positions without a header.

    `header_rows` of those records are the header; `section` is what the words just above it say of the rows below.
    """

    skip: int
    names: tuple[str, ...]
    has_header: bool
    header_rows: int = 1
    section: Section = "booked"


def find(head: list[Record], saved: Sequence[Layout] = ()) -> Heading:
    """The heading among a file's first records, where a saved layout says it, else by words, else by shape.

    Raises NoTransactions where neither words nor cells tell.
    """
    if any(len(record.cells) > MAX_COLUMNS for record in head):
        raise TooManyColumns
    data = [place for place, record in enumerate(head) if looks_like_data(record.cells)]
    found = _as_saved(head, saved) or _by_words(head, data) or _by_two_rows(head, data)
    if found is None:
        if not data:
            raise NoTransactions
        found = _by_shape(head, data[0])
    if found is None:
        width = _usual_width(head, data)
        section = _section_above(head, data[0])
        return Heading(data[0], made_up(width), has_header=False, section=section)
    first, cells, rows = found
    below = [place for place in data if place >= first + rows]
    width = max(len(cells), _usual_width(head, below))
    names = _unique([cell.strip() for cell in cells] + [""] * (width - len(cells)))
    return Heading(first + rows, names, has_header=True, header_rows=rows, section=_section_above(head, first))


def made_up(width: int) -> tuple[str, ...]:
    """The names of columns without a header."""
    return tuple(f"column {place}" for place in range(1, width + 1))


def is_header(cells: list[str], names: tuple[str, ...]) -> bool:
    """Whether a row is the file's header again."""
    wanted = ["" if name == f"column {place}" else plain(name) for place, name in enumerate(names, 1)]
    return any(wanted) and [plain(cell) for cell in _unique(list(cells), blank="")] == wanted


def heads_table(cells: list[str]) -> bool:
    """Whether a row is a header by its words: of another table, where it is not the file's own."""
    roles = _roles(cells)
    return Role.DATE in roles and bool(roles & MONEY)


def section_of(cells: Sequence[str | None]) -> Section | None:
    """What a row of one cell says of the rows below it: `Pending transactions`, `Gebuchte Umsätze`."""
    filled = [cell for cell in cells if cell and cell.strip()]
    if len(filled) != 1 or len(filled[0]) > 60:
        return None
    words = [word for word in plain(filled[0]).split() if not word.isdigit()]
    for section, known in (("pending", PENDING_SECTIONS), ("booked", BOOKED)):
        if _is_about(words, known):
            return "pending" if section == "pending" else "booked"
    return None


def _is_about(words: list[str], known: frozenset[str]) -> bool:
    """Whether a phrase is there, and beside it only what such rows are called."""
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            if " ".join(words[start:end]) in known:
                return set(words[:start] + words[end:]) <= SECTION_NOUNS
    return False


def _section_above(head: list[Record], place: int) -> Section:
    return (section_of(head[place - 1].cells) if place else None) or "booked"


def _as_saved(head: list[Record], saved: Sequence[Layout]) -> tuple[int, list[str], int] | None:
    """Where a layout of this account says: at its place, or wherever just its header stands."""
    for layout in saved:
        rows = layout.header_rows
        for first in range(len(head) - rows + 1) if layout.skip_rows is None else [layout.skip_rows]:
            if not layout.header or first + rows > len(head):
                continue
            cells = _merged([record.cells for record in head[first : first + rows]])
            if is_header(cells[: len(layout.header)], layout.header[: len(cells)]) and len(cells) >= 2:
                return first, cells, rows
    return None


def looks_like_data(cells: list[str]) -> bool:
    """Whether a row has a date and, in another cell, an amount."""
    found_date = found_amount = False
    for cell in cells:
        if not cell or len(cell) > 40:
            continue
        if not found_date and dates.written(cell) is not None:
            found_date = True
        elif not found_amount and amounts.is_amount(cell):
            found_amount = True
        if found_date and found_amount:
            return True
    return False


def _by_words(head: list[Record], data: list[int]) -> tuple[int, list[str], int] | None:
    """The row whose cells are the most words of banks' headers, a date and money among them."""
    best, place_of_best = 0, None
    for place, record in _above(head, data):
        roles = _roles(record.cells) if place not in data else set()
        if Role.DATE in roles and roles & MONEY and len(roles) > best:
            best, place_of_best = len(roles), place
    if place_of_best is None:
        return None
    cells = head[place_of_best].cells
    if place_of_best + 1 < len(head) and place_of_best + 1 not in data and _goes_on(head[place_of_best + 1].cells):
        return place_of_best, _merged([cells, head[place_of_best + 1].cells]), 2
    return place_of_best, cells, 1


def _by_two_rows(head: list[Record], data: list[int]) -> tuple[int, list[str], int] | None:
    """Two rows that are a header only together, such as `Date;Amount;` above `;Debit;Credit`."""
    for place, record in _above(head, data):
        if place + 1 in data or place + 1 >= len(head) or place in data:
            continue
        below = head[place + 1].cells
        if any(_is_value(cell) for cell in (*record.cells, *below)):
            continue
        cells = _merged([record.cells, below])
        if heads_table(cells):
            return place, cells, 2
    return None


def _above(head: list[Record], data: list[int]) -> list[tuple[int, Record]]:
    """The rows that may be a header: never one that comes after rows of its own width."""
    found: list[tuple[int, Record]] = []
    for place, record in enumerate(head):
        if data and place > data[0] and len(record.cells) == len(head[data[0]].cells):
            break
        found.append((place, record))
    return found


def _goes_on(cells: list[str]) -> bool:
    """Whether the row below a header is part of it: units, or the same words in another language."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if len(filled) < 2 and not (filled and filled[0].strip("()[]") in CURRENCIES):
        return False
    known = [
        cell for cell in filled if cell.strip("()[]") in CURRENCIES or any(rank(cell, role) >= STRONG for role in Role)
    ]
    return not any(map(_is_value, filled)) and len(known) >= len(filled) * 0.6


def _merged(rows: list[list[str]]) -> list[str]:
    """Several rows of a header as one: the words that tell most of what stands above each other."""
    if len(rows) == 1:
        return rows[0]
    merged = _merged(rows[:-1])
    width = max(len(merged), len(rows[-1]))
    top, bottom = ([*cells, *[""] * (width - len(cells))] for cells in (merged, rows[-1]))
    above, found = "", []
    for over, under in zip(top, bottom, strict=True):
        above = over.strip() or above
        found.append(_one_name(over.strip() or (above if under.strip() else ""), under.strip()))
    return found


def _one_name(over: str, under: str) -> str:
    if not over or not under:
        return over or under
    forms = (f"{over} {under}", f"{under} {over}", under, over)
    return next((form for form in forms if any(rank(form, role) >= STRONG for role in Role)), forms[0])


def _by_shape(head: list[Record], first: int) -> tuple[int, list[str], int] | None:
    """In an unknown language: the row just above the first one, where all its cells are different words."""
    if not first:
        return None
    cells = _stripped(head[first - 1].cells)
    words = [cell.strip() for cell in cells if cell.strip()]
    filled = len(words) == len(set(words)) and len(words) >= max(2, len(cells) - 1)
    as_wide = len(cells) >= len(_stripped(head[first].cells)) - 1
    fits = filled and as_wide and not any(_is_value(word) for word in words)
    return (first - 1, head[first - 1].cells, 1) if fits else None


def _roles(cells: list[str]) -> set[Role]:
    found = set()
    for cell in cells:
        if cell.strip() and len(cell) < 80 and not _is_value(cell):
            best = max(Role, key=lambda role: rank(cell, role))
            if rank(cell, best) >= (1 if best in MONEY else STRONG):
                found.add(best)
    return found


def _is_value(cell: str) -> bool:
    return amounts.is_amount(cell) or dates.written(cell) is not None


def _usual_width(head: list[Record], places: list[int]) -> int:
    widths = Counter(len(head[place].cells) for place in places)
    return widths.most_common(1)[0][0] if widths else 0


def _stripped(cells: list[str]) -> list[str]:
    """Without the blank cells at the end that a closing delimiter leaves."""
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _unique(names: list[str], blank: str | None = None) -> tuple[str, ...]:
    """Names that no other column has, so that attributes do not overwrite each other."""
    seen: Counter[str] = Counter()
    unique = []
    for position, given in enumerate(names, 1):
        name = given.strip() or (f"column {position}" if blank is None else blank)
        seen[name] += 1
        unique.append(name if seen[name] == 1 or not name else f"{name} {seen[name]}")
    return tuple(unique)
