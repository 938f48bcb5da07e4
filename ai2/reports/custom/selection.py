"""Selections: entries of the ledger that have some values of some dimensions, as SQL.

A value is a text; none is what has no value there. Every expression is of `entry`, an entry of the ledger that is no
account's leg, with its transaction and its category beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

Dimension = Literal[
    "category", "group", "account", "merchant", "tag", "month", "quarter", "year", "currency", "section", "decided_by",
]  # fmt: skip
Measure = Literal["amount", "income", "expense", "net", "count", "average", "smallest", "largest"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
MEASURES: tuple[Measure, ...] = get_args(Measure)
# Filters that are of no dimension.
Filter = Literal["amount_from", "amount_to", "description"]
TIMES = ("month", "quarter", "year")
# What is known by month already; the rest is asked of entries.
MONTHLY = frozenset({"category", "group", "account", "month", "quarter", "year", "currency", "section"})
MONTHLY_MEASURES = frozenset({"amount", "income", "expense", "net", "count", "average"})
Values = tuple[str | None, ...]

# Text that stands for no value: a group of SQL joins by equality.
NONE = ""
# The month in which a fiscal year or quarter begins, of which the day is.
FISCAL = (
    "to_char(date_trunc('{unit}', entry.booked_on - %(fiscal)s::integer * interval '1 month')"
    " + %(fiscal)s::integer * interval '1 month', 'YYYY-MM')"
)
EXPRESSIONS: Mapping[str, str] = {
    "category": "entry.category_id::text",
    "group": "coalesce(category.parent_id, category.category_id)::text",
    "account": "entry.account_id::text",
    "merchant": "nullif(entry.merchant_key, '')",
    "tag": "tag.tag",
    "month": "to_char(entry.booked_on, 'YYYY-MM')",
    "quarter": FISCAL.format(unit="quarter"),
    "year": FISCAL.format(unit="year"),
    "currency": "entry.currency",
    "section": "entry.section",
    "decided_by": "entry.decided_by",
}
# The tags of a transaction, and of a part those that it has itself.
TAGS = """
    case
        when transaction.splits is null then transaction.tags
        else (
            select coalesce(array_agg(distinct each.tag), '{}')
            from (
                select unnest(transaction.tags) as tag
                union all
                select jsonb_array_elements_text(coalesce(
                    nullif(transaction.splits -> (entry.place - 1) -> 'tags', 'null'::jsonb), '[]'::jsonb
                ))
            ) as each
        )
    end
"""
CATEGORY = """
    left join published.categories as category
        on category.organization_id = %(organization_id)s and category.category_id = entry.category_id
"""
TRANSACTION = """
    inner join published.transactions as transaction
        on transaction.organization_id = %(organization_id)s and transaction.transaction_id = entry.transaction_id
"""
# As of a moment an entry has both with it.
CATEGORY_THEN = "cross join lateral (select entry.category_id, entry.parent_id) as category"
TRANSACTION_THEN = "cross join lateral (select entry.tags, entry.splits, entry.description) as transaction"
# Named twice it is one tag.
TAG = """
    left join lateral (
        select told.tag, row_number() over (order by told.tag) as number
        from (select distinct unnest(<tags>) as tag) as told
    ) as tag on true
""".replace("<tags>", TAGS)
# The row of a tag is of entries that have it, which may be filtered by another one that they have too: `with_tag`.
# What only the transaction has.
OF_TRANSACTION = frozenset({"tag", "with_tag", "description"})


def is_monthly(dimensions: Iterable[str], measures: Iterable[str], filters: Iterable[str]) -> bool:
    """Whether months that are known already answer it."""
    return {*dimensions, *filters} <= MONTHLY and set(measures) <= MONTHLY_MEASURES


def joins(dimensions: Iterable[str], filters: Iterable[str], *, is_past: bool = False) -> str:
    """What has to stand beside an entry for these, as it is or as it was."""
    used, by = {*dimensions, *filters}, set(dimensions)
    category, transaction = (CATEGORY_THEN, TRANSACTION_THEN) if is_past else (CATEGORY, TRANSACTION)
    return "\n".join((
        category if "group" in used else "",
        transaction if used & OF_TRANSACTION else "",
        TAG if "tag" in by else "",
    ))  # fmt: skip


def conditions(filters: Mapping[str, Values], prefix: str = "f") -> tuple[str, dict[str, Any]]:
    """The condition that an entry meets all of these filters, and its parameters."""
    told, known = ["true"], dict[str, Any]()
    for name, values in filters.items():
        condition, own = _condition(name, values, f"{prefix}_{name}")
        told.append(condition)
        known |= own
    return " and ".join(told), known


def _condition(name: str, values: Sequence[str | None], key: str) -> tuple[str, dict[str, Any]]:
    match name:
        case "amount_from":
            return f"-entry.amount >= %({key})s::numeric", {key: values[0]}
        case "amount_to":
            return f"-entry.amount <= %({key})s::numeric", {key: values[0]}
        case "description":
            words = [f"%{_literal(str(word))}%" for word in values]
            return f"transaction.description ilike all(%({key})s::text[])", {key: words}
        case "tag" | "with_tag":
            tagged = f"(({TAGS}) && %({key})s::text[] or (%({key}_none)s and ({TAGS}) = '{{}}'))"
            return tagged, {key: [each for each in values if each is not None], f"{key}_none": None in values}
        case _:
            told = f"coalesce({EXPRESSIONS[name]}, '') = any(%({key})s::text[])"
            return told, {key: [NONE if each is None else each for each in values]}


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def by_dimension(pairs: Iterable[tuple[str, str | None]]) -> dict[str, Values]:
    """The values named of each dimension."""
    found: dict[str, Values] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found
