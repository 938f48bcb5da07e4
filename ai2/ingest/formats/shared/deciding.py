"""Deciding: the order of dates and the decimal mark of a format that leaves them open, over the whole file.

A person's options come before what was kept of the account's files before, and that before the file itself; a
file that contradicts what was kept, or cannot decide, is asked about (rule 7).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ai2.ingest.layout import amounts, dates
from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.dates import DateOrder
from ai2.ingest.layout.model import Direction, Layout, Options
from ai2.ingest.problems import NeedsAnswer, Question


@dataclass
class Decisions:
    """What is decided of one file, and the questions that came up; `settle` asks them all at once."""

    name: str
    delimiter: str
    options: Options
    saved: Sequence[Layout]
    questions: list[Question] = field(default_factory=list)

    @property
    def former(self) -> Layout | None:
        """How this account's files of this format were read before."""
        return next((layout for layout in self.saved if layout.signature == self.name), None)

    def date_order(self, cells: Iterable[str]) -> DateOrder | None:
        if self.options.date_order:
            return self.options.date_order
        found, kept = dates.evidence(cells), self.former.date_order if self.former else None
        if kept and not found.contradicts and found.decided in (None, kept):
            return kept
        if found.contradicts or (found.needed and found.decided is None) or (kept and found.decided):
            why = "are written differently than in this account's files before" if kept else "can be read in two ways"
            self.questions.append(
                Question("date_order", f"The dates {why}: does the day or the month come first?", found.possible)
            )
        return found.decided

    def decimal_mark(self, cells: Iterable[str]) -> DecimalMark | None:
        if self.options.decimal_mark:
            return self.options.decimal_mark
        found, kept = amounts.mark_evidence(cells), self.former.decimal_mark if self.former else None
        if kept and not found.contradicts and found.decided in (None, kept):
            return kept
        if found.contradicts or (found.needed and found.decided is None) or (kept and found.decided):
            self.questions.append(
                Question("decimal_mark", "Which mark stands before the decimals of the amounts?", (".", ","))
            )
        return found.decided

    def positive_is(self, default: Direction | None) -> Direction | None:
        """What an amount without a minus is; asked where the format gives no `default`."""
        kept = self.options.positive_is or (self.former.positive_is if self.former else None) or default
        if kept is None:
            self.questions.append(
                Question("positive_is", "An amount above zero: did money come in or go out?", ("in", "out"))
            )
        return kept

    def settle(self, **decided: object) -> Layout:
        """The layout that keeps what was decided. Raises NeedsAnswer where a question is open."""
        layout = Layout(signature=self.name, delimiter=self.delimiter, columns={}).model_copy(update=decided)
        if self.questions:
            raise NeedsAnswer(tuple(self.questions), layout=layout.model_dump(mode="json"))
        return layout
