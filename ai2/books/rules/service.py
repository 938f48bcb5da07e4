"""Rules: what an organization wants done with transactions that it describes. People come first, then rules."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.rules import parts as rule_splits
from ai2.books.rules import repository
from ai2.books.rules.matching import Actions, Conditions, Rule, TextTest, TransferTo, is_expression
from ai2.books.rules.parts import RuleDoesNotHold
from ai2.kit import events
from ai2.kit.database import Connection, Query, hold, rows
from ai2.kit.errors import Conflict, FieldError, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.money import LIMIT, exact, exponent
from ai2.kit.stamped import Stamped

# All rules are tried on every row that comes in.
MOST_RULES = 500
# No currency has more decimals.
MOST_DECIMALS = 4
# The rules in force of so many organizations are remembered; a rule takes some two kilobytes.
_remembered: Stamped[list[Rule]] = Stamped(200)


class RuleNotFound(NotFound):
    """There is no such rule; GET /api/core/rules lists yours."""


class TooManyRules(Conflict):
    """There are as many rules as there may be; delete one, or let one match with a|b what two do."""


async def list_all(db: Connection, organization_id: UUID) -> list[Rule]:
    """The organization's rules in the order in which they are tried."""
    return [_rule(row) for row in await repository.list_all(db, organization_id)]


async def in_force(db: Connection, organization_id: UUID) -> list[Rule]:
    """The active ones, in their order."""
    return await in_force_by(db, organization_id, await rows(db, *stamp_query(organization_id)))


def stamp_query(organization_id: UUID) -> Query:
    """What asks for the stamp of the active ones, for who asks for more at once."""
    return repository.stamp_query(organization_id)


async def in_force_by(db: Connection, organization_id: UUID, found: Sequence[DictRow]) -> list[Rule]:
    """The active ones, by what `stamp_query` found: remembered, or read where they have changed."""
    if not found:
        return []
    stamp = found[0]["stamp"]
    known = _remembered.get(organization_id, stamp)
    if known is None:
        known = [_rule(row) for row in await repository.list_all(db, organization_id, active=True)]
        _remembered.keep(organization_id, stamp, known)
    return known


async def get(db: Connection, organization_id: UUID, rule_id: UUID) -> Rule:
    row = await repository.get(db, organization_id, rule_id)
    if row is None:
        raise RuleNotFound
    return _rule(row)


async def create(
    db: Connection,
    organization_id: UUID,
    *,
    name: str,
    conditions: Conditions,
    actions: Actions,
    position: int | None = None,
    is_active: bool = True,
) -> Rule:
    """Write a rule down; without a position it is the last. It decides what comes in from now on."""
    conditions = await checked(db, organization_id, conditions, actions)
    number, last = await repository.extent(db, organization_id)
    if number >= MOST_RULES:
        raise TooManyRules
    rule_id = new_id()
    await repository.insert(
        db,
        organization_id=organization_id,
        rule_id=rule_id,
        name=name,
        position=position or last + 1,
        is_active=is_active,
        **_columns(conditions, actions),
    )
    await events.emit(db, organization_id, "rule.created", {"rule_id": rule_id})
    return await get(db, organization_id, rule_id)


async def update(
    db: Connection, organization_id: UUID, rule_id: UUID, changes: dict[str, Any], *, version: int | None = None
) -> Rule:
    """Change the named parts; conditions and actions are each replaced as one. What it decided stays decided."""
    await hold(db, "books.rules", organization_id=organization_id, rule_id=rule_id)
    rule = await get(db, organization_id, rule_id)
    if version not in (None, rule.version):
        raise Stale
    if not changes:
        return rule
    changed = replace(rule, **changes)
    conditions = await checked(db, organization_id, changed.conditions, changed.actions)
    await repository.update(
        db,
        organization_id=organization_id,
        rule_id=rule_id,
        name=changed.name,
        position=changed.position,
        is_active=changed.is_active,
        **_columns(conditions, changed.actions),
    )
    await events.emit(db, organization_id, "rule.updated", {"rule_id": rule_id, "fields": sorted(changes)})
    return await get(db, organization_id, rule_id)


async def delete(db: Connection, organization_id: UUID, rule_id: UUID, *, version: int | None = None) -> None:
    """Delete a rule. What it decided stays decided, and where it was applied can still be undone."""
    await hold(db, "books.rules", organization_id=organization_id, rule_id=rule_id)
    rule = await get(db, organization_id, rule_id)
    if version not in (None, rule.version):
        raise Stale
    await repository.delete(db, organization_id, rule_id)
    await events.emit(db, organization_id, "rule.deleted", {"rule_id": rule_id})


async def checked(db: Connection, organization_id: UUID, conditions: Conditions, actions: Actions) -> Conditions:
    """The conditions as they are kept, with amounts of their currency; refuses what could never hold."""
    if conditions == Conditions():
        raise RuleDoesNotHold(errors=(FieldError("conditions", "name at least one"),))
    if not actions.fields():
        raise RuleDoesNotHold(errors=(FieldError("actions", "name at least one"),))
    for name in ("description", "merchant"):
        test = getattr(conditions, name)
        if test and test.by == "matches" and not is_expression(test.text):
            told = "is a regular expression of RE2: no look-around, no back-references, no huge repetitions"
            raise RuleDoesNotHold(errors=(FieldError(f"conditions.{name}.text", told),))
    if conditions.account_id:
        await accounts.get(db, organization_id, conditions.account_id)
    await _check_decision(db, organization_id, conditions, actions)
    return _with_amounts(conditions)


async def _check_decision(db: Connection, organization_id: UUID, conditions: Conditions, actions: Actions) -> None:
    if sum(map(bool, (actions.category_id, actions.split, actions.transfer))) > 1:
        told = "names one of category_id, split and transfer: each says what a transaction is for"
        raise RuleDoesNotHold(errors=(FieldError("actions", told),))
    if actions.category_id:
        await categories.get(db, organization_id, actions.category_id)
    if actions.transfer:
        await accounts.get(db, organization_id, actions.transfer.account_id)
        if actions.transfer.account_id == conditions.account_id:
            raise RuleDoesNotHold(errors=(FieldError("actions.transfer.account_id", "is another account"),))
    if actions.split:
        known = await categories.names(db, organization_id, {share.category_id for share in actions.split})
        rule_splits.check(conditions, actions.split, known)


def _with_amounts(conditions: Conditions) -> Conditions:
    currency = conditions.currency
    if currency:
        exponent(currency)  # refuses what is no currency
    low = _amount("min_amount", conditions.min_amount, currency)
    high = _amount("max_amount", conditions.max_amount, currency)
    if low is not None and high is not None and low > high:
        raise RuleDoesNotHold(errors=(FieldError("conditions.max_amount", "is not below min_amount"),))
    return replace(conditions, min_amount=low, max_amount=high)


def _amount(name: str, amount: Decimal | None, currency: str | None) -> Decimal | None:
    if amount is None:
        return None
    if not 0 <= amount < LIMIT:
        told = "is an amount without its sign, from 0; `sign` says which way the money goes"
        raise RuleDoesNotHold(errors=(FieldError(f"conditions.{name}", told),))
    if currency:
        return exact(amount, currency)
    if round(amount, MOST_DECIMALS) != amount:
        raise RuleDoesNotHold(errors=(FieldError(f"conditions.{name}", f"has {MOST_DECIMALS} decimals at most"),))
    return amount


def _columns(conditions: Conditions, actions: Actions) -> dict[str, Any]:
    """A rule as its table has it."""
    description, merchant = conditions.description, conditions.merchant
    return {
        **vars(conditions),
        "description_by": description and description.by,
        "description": description and description.text,
        "merchant_by": merchant and merchant.by,
        "merchant": merchant and merchant.text,
        "category_id": actions.category_id,
        "tags": list(actions.tags),
        "merchant_name": actions.merchant,
        "split": Jsonb(rule_splits.told(actions.split)) if actions.split else None,
        "transfer_account_id": actions.transfer and actions.transfer.account_id,
    }


def _rule(row: DictRow) -> Rule:
    own = ("rule_id", "name", "position", "is_active", "version", "created_at", "updated_at")
    plain = ("min_amount", "max_amount", "account_id", "mcc", "sign", "currency")
    return Rule(
        **{name: row[name] for name in own},
        conditions=Conditions(
            description=TextTest(row["description_by"], row["description"]) if row["description"] else None,
            merchant=TextTest(row["merchant_by"], row["merchant"]) if row["merchant"] else None,
            **{name: row[name] for name in plain},
        ),
        actions=Actions(
            category_id=row["category_id"],
            tags=tuple(row["tags"]),
            merchant=row["merchant_name"],
            split=rule_splits.read(row["split"] or []),
            transfer=TransferTo(row["transfer_account_id"]) if row["transfer_account_id"] else None,
        ),
    )
