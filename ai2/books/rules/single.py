"""Single: which rules decide one transaction: what `matching` finds of many, without making columns of it.

Both mean the same by each condition; the tests hold them to the same cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from ai2.books.rules.matching import Conditions, Field, Rule, TextTest


@dataclass(frozen=True)
class Fact:
    """What rules look at of a transaction. `merchant` is its key where the bank names nobody."""

    description: str
    merchant: str | None
    mcc: str | None
    account_id: UUID | None
    currency: str | None
    amount: Decimal

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {"description": self.description.casefold(), "merchant": (self.merchant or "").casefold()}

    def has(self, wanted: Conditions) -> bool:
        """Whether all conditions hold of it."""
        return (
            (wanted.description is None or self._passes("description", wanted.description))
            and (wanted.merchant is None or self._passes("merchant", wanted.merchant))
            and wanted.account_id in (None, self.account_id)
            and wanted.mcc in (None, self.mcc)
            and wanted.currency in (None, self.currency)
            and (wanted.sign is None or (wanted.sign == "in") == (self.amount > 0))
            and (wanted.min_amount is None or abs(self.amount) >= wanted.min_amount)
            and (wanted.max_amount is None or abs(self.amount) <= wanted.max_amount)
        )

    def _passes(self, name: str, test: TextTest) -> bool:
        text = self._folded[name]
        if test.by == "matches":
            return bool(text) and _matches(getattr(self, name), test.text)
        return test.folded in text if test.by == "contains" else test.folded == text


def decide(fact: Fact, rules: Sequence[Rule]) -> dict[Field, Rule]:
    """The first rule for each field of a transaction of which nobody who comes before rules decided any."""
    found: dict[Field, Rule] = {}
    for rule in rules:
        if fact.has(rule.conditions) and not _is_to_itself(fact, rule):
            found = {**dict.fromkeys(rule.actions.fields(), rule), **found}
    return found


def _is_to_itself(fact: Fact, rule: Rule) -> bool:
    """Nothing is moved from an account to itself."""
    return rule.actions.transfer is not None and rule.actions.transfer.account_id == fact.account_id


def _matches(text: str, expression: str) -> bool:
    found = pc.match_substring_regex(pa.array([text]), expression, ignore_case=True)
    return bool(found[0].as_py())
