"""What a definition works with, and the lines that many reports have in common."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from ai2.reports.ledger.facts import Facts
from ai2.reports.ledger.repository import ALL, By
from ai2.reports.model import Asked, Column, Line, Section, Where

UNCATEGORISED = "Not categorised"


@dataclass(frozen=True)
class Category:
    """A category and the group it belongs to; that of its own name where it has no parent."""

    category_id: UUID
    name: str
    group_id: UUID
    group: str
    kind: str


@dataclass(frozen=True)
class Account:
    """An account; what is owed on a card or a loan is below zero."""

    account_id: UUID
    name: str
    kind: str
    currency: str

    @property
    def is_owed(self) -> bool:
        """Whether it stands among the liabilities."""
        return self.kind in ("card", "loan")


@dataclass(frozen=True)
class Given:
    """The facts of one table, and the names of what they are of."""

    asked: Asked
    facts: Facts
    columns: Sequence[Column]
    categories: Mapping[UUID, Category]
    accounts: Mapping[UUID, Account]


@dataclass(frozen=True)
class Definition:
    """A report over the ledger: its title and its lines, in order."""

    title: str
    lines: Callable[[Given], list[Line]]
    is_balance: bool = False
    # what its lines tell apart: the less, the sooner it is there
    by: By = ALL
    # a line above all others, where reports are laid side by side
    main: str = ""
    # the sections of which it may stand beside the budget
    budgeted: tuple[Section, ...] = ()


def by_category(given: Given, section: Section, *, sign: int, prefix: str, depth: int = 1) -> list[Line]:
    """A line for each category that has something, under its group where it has others beside it."""
    used = {place.category_id for place in given.facts.sums if place.section == section}
    known = sorted(
        (given.categories[each] for each in used if each and each in given.categories),
        key=lambda each: (each.group.casefold(), each.name.casefold(), str(each.category_id)),
    )
    lines: list[Line] = []
    for group_id, found in groupby(known, key=lambda each: each.group_id):
        lines += _group(list(found), group_id, section, sign=sign, prefix=prefix, depth=depth)
    if None in used or used - set(given.categories) - {None}:
        lines.append(
            Line(
                key=f"{prefix}-none", label=UNCATEGORISED, depth=depth,
                where=Where(sign=sign, sections=(section,), has_category=True),
            )
        )  # fmt: skip
    return lines


def _group(
    members: Sequence[Category], group_id: UUID, section: Section, *, sign: int, prefix: str, depth: int
) -> Iterator[Line]:
    """The categories of a group, and below them what they come to."""
    is_alone = len(members) == 1
    items = [
        Line(
            key=f"{prefix}-{each.category_id}",
            label=each.name if not is_alone or each.name == each.group else f"{each.group}: {each.name}",
            depth=depth if is_alone else depth + 1,
            where=Where(sign=sign, sections=(section,), has_category=True, category_id=each.category_id),
        )
        for each in members
    ]
    if is_alone:
        yield from items
        return
    heading = members[0].group
    yield Line(key=f"{prefix}-group-{group_id}-heading", label=heading, kind="heading", depth=depth)
    yield from items
    yield Line(
        key=f"{prefix}-group-{group_id}", label=f"Total {heading}", kind="subtotal", depth=depth,
        total_of=tuple((1, each.key) for each in items),
    )  # fmt: skip


def heading(key: str, label: str) -> Line:
    """A line that only says what those below it are."""
    return Line(key=key, label=label, kind="heading")


def total(key: str, label: str, parts: Sequence[Line], *, minus: Sequence[Line] = (), depth: int = 0) -> Line:
    """What the items among these lines come to, less those of `minus`."""
    own = [(1, line.key) for line in parts if line.kind == "item"]
    own += [(-1, line.key) for line in minus if line.kind == "item"]
    return Line(key=key, label=label, kind="total", depth=depth, total_of=tuple(own))
