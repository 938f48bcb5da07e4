"""Asking: what each report takes. A field that would have no effect is refused, and its sender told."""

from collections.abc import Iterator, Mapping

from ai2.kit.errors import FieldError, Invalid
from ai2.reports.forms import planned_rows
from ai2.reports.model import Asked

TAX, CUSTOM = frozenset({"tax_summary", "vat"}), frozenset({"custom"})
# Fields that only some reports take.
ONLY: Mapping[str, frozenset[str]] = {
    "jurisdiction": TAX,
    "dimensions": CUSTOM,
    "measures": CUSTOM,
    "filters": CUSTOM,
    "order_by": CUSTOM,
    "rows": CUSTOM,
}
# What may stand beside the budget, which is of all accounts, each currency apart.
BESIDE_BUDGET = frozenset({"profit_and_loss", "spending"}) | CUSTOM
NOT_OF_BUDGET = ("currency", "compare_to", "account_ids")
MOST_DIMENSIONS = 3


class NotOfThisReport(Invalid):
    """The report does not take a field that was named; each says which do."""


def check(asked: Asked) -> None:
    """Refuse what a report does not take."""
    errors = tuple(_errors(asked))
    if errors:
        raise NotOfThisReport(errors=errors)


def _errors(asked: Asked) -> Iterator[FieldError]:
    for name, reports in ONLY.items():
        if getattr(asked, name) and asked.report not in reports:
            yield FieldError(name, f"is of {' and '.join(sorted(reports))} only")
    if asked.report == "custom":
        yield from _custom(asked)
    if asked.report == "budget":
        for name in NOT_OF_BUDGET:
            if getattr(asked, name):
                yield FieldError(name, "is left out: a budget is of all accounts, in its own currency")
    elif asked.compare_to == "budget":
        yield from _beside_budget(asked)


def _beside_budget(asked: Asked) -> Iterator[FieldError]:
    if asked.report not in BESIDE_BUDGET:
        yield FieldError("compare_to", f"is of {' and '.join(sorted(BESIDE_BUDGET))} where it is budget")
    if asked.account_ids:
        yield FieldError("account_ids", "is left out: a budget is of all accounts")
    if asked.report == "custom":
        yield from _rows_beside_budget(asked)


def _rows_beside_budget(asked: Asked) -> Iterator[FieldError]:
    """A budget is of a category and all below it, of what it earned or what was spent on it, and of nothing else."""
    if asked.dimensions not in planned_rows.DIMENSIONS:
        yield FieldError("dimensions", "are category, or group, alone beside a budget")
    if not asked.measures or set(asked.measures) - set(planned_rows.KINDS):
        yield FieldError("measures", f"are of {', '.join(planned_rows.KINDS)} beside a budget")
    for name, _ in asked.filters:
        if name not in asked.dimensions:
            yield FieldError(f"filters.{name}", "is left out beside a budget: only the rows' own dimension is filtered")


def _custom(asked: Asked) -> Iterator[FieldError]:
    if not 1 <= len(asked.dimensions) <= MOST_DIMENSIONS:
        yield FieldError("dimensions", f"are one to {MOST_DIMENSIONS} of them")
    for name in ("dimensions", "measures"):
        given = getattr(asked, name)
        if len(set(given)) < len(given):
            yield FieldError(name, "are named once each")
