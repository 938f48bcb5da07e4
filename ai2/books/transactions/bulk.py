"""Bulk: many transactions written down or changed as one act; all of them or none.

What a single one does, each of many does too; what does not hold is named by its place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.books.rules import runs as rule_runs
from ai2.books.rules import service as rules
from ai2.books.transactions import bulk_repository
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import CHANGEABLE, NewTransaction, Transaction
from ai2.books.transfers import service as transfers
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.merchants import merchant_key
from ai2.kit.money import exact


class SomeInvalid(Invalid):
    """Some of these do not hold, so nothing was written; correct the named fields and send all again."""


class SomeNotFound(NotFound):
    """Some of these name what is not there or not yours, so nothing was written; leave those out or correct them."""


class SomeSplit(Conflict):
    """Some of these are split, so nothing was written; leave those out, or change their splits first."""


class SomeStale(Stale):
    """Some of these changed since you read them, so nothing was written; read those again and repeat your change."""


@dataclass
class Faults:
    """What does not hold, by place; the reader gets all of it at once."""

    found: list[FieldError] = field(default_factory=list)
    missing: list[FieldError] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        self.found.append(FieldError(place, message))

    def miss(self, place: str, message: str) -> None:
        self.missing.append(FieldError(place, message))

    def check(self) -> None:
        if self.missing:
            raise SomeNotFound(errors=(*self.missing, *self.found))
        if self.found:
            raise SomeInvalid(errors=tuple(self.found))


@dataclass(frozen=True)
class Wanted:
    """A transaction to change, where the caller named it, and the version they read; none where any will do."""

    transaction_id: UUID
    place: str
    version: int | None = None


async def create(db: Connection, organization_id: UUID, new: Sequence[NewTransaction]) -> list[Transaction]:
    """Write transactions into the books, and give them back in their order; each as a single one is written."""
    faults = Faults()
    known = await _accounts(db, organization_id, new, faults)
    category_ids = await _categories(db, organization_id, new, faults)
    amounts = [_exact(each.amount, each.currency, f"items.{i}.amount", faults) for i, each in enumerate(new)]
    faults.check()
    ids = [new_id() for _ in new]
    await bulk_repository.insert(
        db,
        organization_id,
        [
            _row(*values)
            for values in zip(ids, new, [account.account_id for account in known], category_ids, amounts, strict=True)
        ],
    )
    await events.emit_rows(db, organization_id, "transaction.created", ids)
    made = await _in_order(db, organization_id, ids)
    _check_types(new, made, lambda type_, found: type_ in (None, found, "transfer"), "contradicts the sign or category")
    may_pair = [
        each.transaction_id
        for each, wanted in zip(made, new, strict=True)
        if wanted.type in (None, "transfer") and each.type != "transfer"
    ]
    if may_pair:
        await transfers.pair(db, organization_id, transaction_ids=may_pair)
        made = await _in_order(db, organization_id, ids)
    why = "is transfer only with such a category, or another account's side"
    _check_types(new, made, lambda type_, found: type_ in (None, found), why)
    return await _in_order(db, organization_id, ids) if await _run_rules(db, organization_id, new, ids) else made


async def update(
    db: Connection, organization_id: UUID, wanted: Sequence[Wanted], changes: dict[str, Any]
) -> list[Transaction]:
    """Change the same fields of all of these, and give them back in their order; each as a single one is changed."""
    if not changes.keys() <= CHANGEABLE:
        raise Invalid
    ids = [each.transaction_id for each in wanted]
    await bulk_repository.lock(db, organization_id, ids)
    present = {each.transaction_id: each for each in await transactions.get_many(db, organization_id, ids)}
    _check_wanted(wanted, present)
    if not changes:
        return [present[transaction_id] for transaction_id in ids]
    _check_whole(wanted, present, changes)
    if changes.get("category_id"):
        await categories.get(db, organization_id, changes["category_id"])
    merged = _merged(wanted, present, changes)
    await bulk_repository.update(db, organization_id, merged, decided="category_id" in changes)
    await transactions.tell_changed(db, organization_id, ids, changes)
    moved = [row["transaction_id"] for row in merged if _moved(row, present[row["transaction_id"]])]
    if moved:
        await transfers.dissolve(db, organization_id, moved)
        await transfers.pair(db, organization_id, transaction_ids=moved)
    if "category_id" in changes:
        await transfers.hear(db, organization_id, ids)
    return await _in_order(db, organization_id, ids)


async def _run_rules(db: Connection, organization_id: UUID, new: Sequence[NewTransaction], ids: Sequence[UUID]) -> int:
    """Let rules decide what people left open, as for a single one; says how many changed."""
    pairs = list(zip(ids, new, strict=True))
    changed, in_force = 0, await rules.in_force(db, organization_id)
    for transfers_too in (True, False):
        those = [id_ for id_, wanted in pairs if (wanted.type in (None, "transfer")) == transfers_too]
        if those:
            known = await rule_runs.for_new(db, organization_id, in_force, transfers_too=transfers_too)
            changed += await rule_runs.run_on_new(db, organization_id, those, known)
    return changed


async def _accounts(
    db: Connection, organization_id: UUID, new: Sequence[NewTransaction], faults: Faults
) -> list[Account]:
    """The account of each. Those without one go to the one kept for such entries of their currency."""
    known = {each.account_id: each for each in await accounts.list_all(db, organization_id, archived=True)}
    for i, each in enumerate(new):
        account = known.get(each.account_id) if each.account_id else None
        if each.account_id and account is None:
            faults.miss(f"items.{i}.account_id", "is no account of yours")
        elif account and account.currency != each.currency:
            faults.add(f"items.{i}.currency", f"is {account.currency} for this account")
        _exact(Decimal(0), each.currency, f"items.{i}.currency", faults)
    faults.check()
    archived = [i for i, each in enumerate(new) if each.account_id and known[each.account_id].archived_at]
    if archived:
        why = "is put away and takes nothing new"
        raise accounts.AccountIsArchived(errors=tuple(FieldError(f"items.{i}.account_id", why) for i in archived))
    kept = {
        currency: await transactions.account_for_entries(db, organization_id, currency)
        for currency in sorted({each.currency for each in new if each.account_id is None})
    }
    return [known[each.account_id] if each.account_id else kept[each.currency] for each in new]


async def _categories(
    db: Connection, organization_id: UUID, new: Sequence[NewTransaction], faults: Faults
) -> list[UUID | None]:
    by_id = await categories.names(db, organization_id, {each.category_id for each in new if each.category_id})
    by_name = await categories.find_many(
        db, organization_id, {each.category for each in new if each.category and not each.category_id}
    )
    for i, each in enumerate(new):
        if each.category_id and each.category_id not in by_id:
            faults.miss(f"items.{i}.category_id", "is no category of yours")
        elif each.category and not each.category_id and each.category not in by_name:
            faults.miss(f"items.{i}.category", "is no category of yours")
    return [each.category_id or by_name.get(each.category or "") for each in new]


def _exact(amount: Decimal, currency: str, place: str, faults: Faults) -> Decimal:
    try:
        return exact(amount, currency)
    except Invalid as refusal:
        faults.add(place, refusal.detail)
        return amount


def _row(
    transaction_id: UUID, new: NewTransaction, account_id: UUID, category_id: UUID | None, amount: Decimal
) -> dict[str, Any]:
    return {
        **{name: value for name, value in vars(new).items() if name not in {"type", "category"}},
        "transaction_id": transaction_id,
        "account_id": account_id,
        "category_id": category_id,
        "amount": amount,
        "attributes": new.attributes or {},
        "merchant_key": merchant_key(new.description, new.merchant),
    }


def _check_types(
    new: Sequence[NewTransaction],
    made: Sequence[Transaction],
    holds: Callable[[str | None, str], bool],
    message: str,
) -> None:
    faults = Faults()
    for i, (wanted, found) in enumerate(zip(new, made, strict=True)):
        if not holds(wanted.type, found.type):
            faults.add(f"items.{i}.type", message)
    faults.check()


def _check_wanted(wanted: Sequence[Wanted], present: dict[UUID, Transaction]) -> None:
    faults, stale, seen = Faults(), list[FieldError](), set[UUID]()
    for each in wanted:
        found = present.get(each.transaction_id)
        if found is None:
            faults.miss(each.place, "is no transaction of yours")
        elif each.transaction_id in seen:
            faults.add(each.place, "was named before; name each once")
        elif each.version not in (None, found.version):
            stale.append(FieldError(each.place, "changed since this version"))
        seen.add(each.transaction_id)
    faults.check()
    if stale:
        raise SomeStale(errors=tuple(stale))


def _check_whole(wanted: Sequence[Wanted], present: dict[UUID, Transaction], changes: dict[str, Any]) -> None:
    split = [each.place for each in wanted if transactions.concerns_parts(present[each.transaction_id], changes)]
    if split:
        raise SomeSplit(errors=tuple(FieldError(place, "is split; its parts have the categories") for place in split))


def _merged(
    wanted: Sequence[Wanted], present: dict[UUID, Transaction], changes: dict[str, Any]
) -> list[dict[str, Any]]:
    """The rows as they are to be; an amount must suit the currency of each."""
    faults, merged = Faults(), []
    for each in wanted:
        row = {**vars(present[each.transaction_id]), **changes}
        row["amount"] = _exact(row["amount"], row["currency"], each.place, faults)
        row["merchant_key"] = merchant_key(row["description"], row["merchant"])
        merged.append(row)
    faults.check()
    return merged


def _moved(row: dict[str, Any], former: Transaction) -> bool:
    return (row["booked_on"], row["amount"]) != (former.booked_on, former.amount)


async def _in_order(db: Connection, organization_id: UUID, ids: Sequence[UUID]) -> list[Transaction]:
    found = {each.transaction_id: each for each in await transactions.get_many(db, organization_id, ids)}
    return [found[transaction_id] for transaction_id in ids]
