"""Layout: how a table gets onto paper. Upright while it can be read so, else across, else in parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ai2.reports.model import Column, Table
from ai2.reports.render.wording import MISSING, longest_figures

# What an A4 page has between its margins.
UPRIGHT_PT, ACROSS_PT = 493.0, 740.0
# A figure's digits and the letters of a label are about half as wide as they are high, and bold ones a little wider.
LETTER_EM, GAP_EM = 0.53, 0.9
LEAST_LABEL_EM, MOST_LABEL_EM = 14.0, 23.0


@dataclass(frozen=True)
class Paper:
    """Which way the pages lie, and how large the letters of tables are."""

    is_landscape: bool
    size_pt: float

    @property
    def width_em(self) -> float:
        return (ACROSS_PT if self.is_landscape else UPRIGHT_PT) / self.size_pt


# From what reads best to what is still legible; what does not fit the last is cut into parts.
PAPERS = (Paper(False, 10), Paper(False, 9), Paper(True, 9), Paper(True, 8), Paper(True, 7.5))


@dataclass(frozen=True)
class Part:
    """Columns that stand beside one another, and how wide they are; the labels have the rest."""

    columns: tuple[Column, ...]
    widths_em: tuple[float, ...]


def paper(tables: Sequence[Table]) -> Paper:
    """The paper on which every table is read best."""
    for each in PAPERS:
        if all(_least_label_em(table) + sum(widths_em(table)) <= each.width_em for table in tables):
            return each
    return PAPERS[-1]


def parts(table: Table, on: Paper) -> Iterator[Part]:
    """The table whole, or as many parts as the paper needs; a period stays beside what it is compared with."""
    widths = widths_em(table)
    for start, end in _cuts(table.columns, widths, on.width_em - _least_label_em(table)):
        yield Part(table.columns[start:end], tuple(widths[start:end]))


def widths_em(table: Table) -> list[float]:
    """How wide each column has to be: its longest figure, or the longest word above it."""
    figures = longest_figures(table)
    return [
        max(len(MISSING) + 1, _longest_word(column.label), figures[column.key]) * LETTER_EM + GAP_EM
        for column in table.columns
    ]


def _longest_word(label: str) -> int:
    """Short labels stay on one line."""
    return len(label) if len(label) <= 10 else max(map(len, label.split()), default=0)


def _least_label_em(table: Table) -> float:
    """Labels break into lines, but not into words: two thirds of the longest, within reason."""
    longest = max((len(line.label) * LETTER_EM + line.depth + GAP_EM for line in table.lines), default=0)
    return min(max(longest * 2 / 3, LEAST_LABEL_EM), MOST_LABEL_EM)


def _cuts(columns: Sequence[Column], widths: Sequence[float], room: float) -> Iterator[tuple[int, int]]:
    """From which column to which each part goes: as even as whole groups allow."""
    groups = [at for at, column in enumerate(columns) if at == 0 or column.role in ("period", "balance")]
    ends = [*groups[1:], len(columns)]
    number = max(1, -(-sum(widths) // room))
    target = min(room, sum(widths) / number + max(widths, default=0))
    start, used = 0, 0.0
    for begin, end in zip(groups, ends, strict=True):
        wide = sum(widths[begin:end])
        if begin > start and used + wide > (target if number > 1 else room):
            yield start, begin
            start, used = begin, 0.0
        used += wide
    yield start, len(columns)
