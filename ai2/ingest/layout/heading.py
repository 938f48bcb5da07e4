"""The heading: where a file's preamble ends, its header (if it has one), and how many columns follow."""

from collections import Counter
from dataclasses import dataclass

from ai2.ingest.layout import amounts, dates
from ai2.ingest.layout.sheet import Record
from ai2.ingest.layout.words import Role, rank
from ai2.ingest.problems import NoTransactions, TooManyColumns

MAX_COLUMNS = 400
MONEY = frozenset({Role.AMOUNT, Role.DEBIT, Role.CREDIT})
STRONG = 100


@dataclass(frozen=True)
class Heading:
    """`skip` records lie above the first row; `names` are the columns', made up from positions without a header."""

    skip: int
    names: tuple[str, ...]
    has_header: bool


def find(head: list[Record]) -> Heading:
    """The heading among a file's first records. Raises NoTransactions where neither words nor cells tell."""
    if any(len(record.cells) > MAX_COLUMNS for record in head):
        raise TooManyColumns
    data = [place for place, record in enumerate(head) if looks_like_data(record.cells)]
    header = _header_by_words(head, data)
    if header is None:
        if not data:
            raise NoTransactions
        header = _header_by_shape(head, data[0])
    if header is None:
        width = _usual_width(head, data)
        return Heading(data[0], tuple(f"column {place}" for place in range(1, width + 1)), has_header=False)
    rows = [place for place in data if place > header]
    width = max(len(head[header].cells), _usual_width(head, rows))
    cells = [cell.strip() for cell in head[header].cells[:width]] + [""] * (width - len(head[header].cells))
    return Heading(header + 1, _unique(cells), has_header=True)


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


def _header_by_words(head: list[Record], data: list[int]) -> int | None:
    """The row whose cells are the most words of banks' headers, a date and money among them."""
    best, place_of_best = 0, None
    for place, record in enumerate(head):
        if data and place > data[0] and len(record.cells) == len(head[data[0]].cells):
            break  # a header never comes after rows of its own width
        roles = _roles(record.cells) if place not in data else set()
        if Role.DATE in roles and roles & MONEY and len(roles) > best:
            best, place_of_best = len(roles), place
    return place_of_best


def _header_by_shape(head: list[Record], first: int) -> int | None:
    """In an unknown language: the row just above the first one, where all its cells are different words."""
    if not first:
        return None
    cells = _stripped(head[first - 1].cells)
    words = [cell.strip() for cell in cells if cell.strip()]
    filled = len(words) == len(set(words)) and len(words) >= max(2, len(cells) - 1)
    as_wide = len(cells) >= len(_stripped(head[first].cells)) - 1
    return first - 1 if filled and as_wide and not any(_is_value(word) for word in words) else None


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


def _unique(names: list[str]) -> tuple[str, ...]:
    """Names that no other column has, so that attributes do not overwrite each other."""
    seen: Counter[str] = Counter()
    unique = []
    for position, given in enumerate(names, 1):
        name = given or f"column {position}"
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return tuple(unique)
