"""Rules: the organization's active ones, matched as in the books, so that what is not stored is told the same.

A rule may also name the merchant. What comes after is asked of the merchant by that name, as it is in the books.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import pyarrow as pa

from ai2.books.categories import service as categories
from ai2.books.rules import matching, single
from ai2.books.rules.matching import AMOUNT, FACTS, NONE, Field, Rule
from ai2.books.rules.runs import MANY
from ai2.books.transfers import service as transfers
from ai2.kit.database import Connection
from ml.answers import Item, KnownMerchant, Verdict

# Of fewer each is looked at by itself: columns of them take a millisecond to make.
FEW = 50


@dataclass(frozen=True)
class Ruled:
    """What rules say of items, and the items as the rules name their merchants."""

    items: Sequence[Item]
    verdicts: Sequence[Verdict | None]


async def look(db: Connection, organization_id: UUID, items: Sequence[Item], known: Sequence[Rule]) -> Ruled:
    """What the rules in force say of each item."""
    if not known:
        return Ruled(items, [None] * len(items))
    if len(items) < FEW:
        found = [single.decide(_fact(item), known) for item in items]
    elif len(items) < MANY:
        found = _match(items, known)
    else:
        found = await asyncio.to_thread(_match, items, known)
    decided = [of_item.get("category") for of_item in found]
    named = [_named(item, of_item.get("merchant")) for item, of_item in zip(items, found, strict=True)]
    told = _Telling(*await _meant(db, organization_id, [rule for rule in decided if rule]))
    return Ruled(named, [told.verdict(rule, item) if rule else None for rule, item in zip(decided, named, strict=True)])


def _named(item: Item, rule: Rule | None) -> Item:
    return replace(item, merchant=rule.actions.merchant, merchant_key=None) if rule else item


def _fact(item: Item) -> single.Fact:
    merchant = item.merchant or item.key[0]
    return single.Fact(item.description, merchant, item.mcc, item.account_id, item.currency, item.amount)


def _match(items: Sequence[Item], known: Sequence[Rule]) -> list[dict[Field, Rule]]:
    """The rule that decides each field of each item, as of a column of them."""
    matched = matching.decide(_facts(items), known)
    found: list[dict[Field, Rule]] = [{} for _ in items]
    for row, number in enumerate(matched.transaction_ids.to_pylist()):
        decided = {field: places[row] for field, places in matched.places.items()}
        found[int(number)] = {field: known[place] for field, place in decided.items() if place != NONE}
    return found


def _facts(items: Sequence[Item]) -> pa.Table:
    """Items as the books show transactions to rules; each goes by its place. Nobody came before."""
    columns = (
        [str(place) for place in range(len(items))],
        [item.description for item in items],
        [item.merchant or item.key[0] for item in items],
        [item.mcc for item in items],
        [item.account_id and str(item.account_id) for item in items],
        [item.currency for item in items],
        pa.array([item.amount for item in items]).cast(AMOUNT),
        [False] * len(items),
        [False] * len(items),
    )
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, FACTS, strict=True)], schema=FACTS)


async def _meant(
    db: Connection, organization_id: UUID, decided: Sequence[Rule]
) -> tuple[dict[UUID, str], tuple[UUID | None, UUID | None]]:
    """What the categories in these rules are called, and which are those of transfers out and in."""
    ways: tuple[UUID | None, UUID | None] = (None, None)
    if any(rule.actions.transfer for rule in decided):
        ways = await transfers.categories(db, organization_id, make=False)
    parts = {share.category_id for rule in decided for share in rule.actions.split}
    return await categories.names(db, organization_id, parts), ways


class _Telling:
    """Says what a rule decides."""

    def __init__(self, names: dict[UUID, str], ways: tuple[UUID | None, UUID | None]) -> None:
        self._names = names
        self._out, self._in = ways

    def verdict(self, rule: Rule, item: Item) -> Verdict:
        detailed, category_id, more = None, rule.actions.category_id, ""
        if rule.actions.transfer:
            is_in = item.amount > 0
            detailed = "TRANSFER_IN_ACCOUNT_TRANSFER" if is_in else "TRANSFER_OUT_ACCOUNT_TRANSFER"
            category_id, more = self._in if is_in else self._out, ": a transfer between your own accounts"
        if rule.actions.split:
            more = f" and splits it: {', '.join(self._part(*part) for part in self._parts(rule))}"
        return Verdict(
            detailed=detailed,
            confidence=1.0,
            decision="apply",
            decided_by="rule",
            version=f"{rule.rule_id}/{rule.version}",
            reasons=(f"your rule {rule.name} holds{more}",),
            merchant=KnownMerchant(item.merchant) if item.merchant else None,
            category_id=category_id,
        )

    def _parts(self, rule: Rule) -> list[tuple[str, str]]:
        return [
            (
                self._names.get(share.category_id, "a category that is gone"),
                "the rest" if share.is_rest else f"{share.amount or share.percentage}{'' if share.amount else ' %'}",
            )
            for share in rule.actions.split
        ]

    @staticmethod
    def _part(name: str, share: str) -> str:
        return f"{name} ({share})"
