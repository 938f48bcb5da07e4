"""Expectations: what must hold of a batch's staged lines before any of them enters the books.

Great Expectations runs them in an ephemeral context, on the kinds of rows that were staged, and says of each only
whether it held: no row leaves this module. Importing it takes seconds: see checker.py. Expectations of sums and means
are left out: they go through float, and take a minute.
"""

import os
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ai2.kit.money import exponent

# Only dates known in advance (a standing order's) lie ahead; further ahead is a misread year.
DAYS_AHEAD = 366
# A file of which most rows cannot be read was probably read by the wrong layout.
LEAST_READ_SHARE = 0.5
# Fewer rows than this may all be quarantined without the reading being in doubt.
FEW_ROWS = 20


# Name, what it says, and the expectation itself.
Rule = tuple[str, str, Any]


@dataclass(frozen=True)
class Check:
    """One expectation and whether it held; a batch with one that failed is held."""

    name: str
    holds: bool
    expectation: str
    says: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def kinds_of(lines: pa.Table, currency: str) -> pa.Table:
    """What is expected of lines, once for each different kind of line: a batch has many rows and few kinds."""
    amounts = lines["amount"]
    judged = pa.table(
        {
            "booked_on": lines["booked_on"],
            "currency": lines["currency"],
            "has_amount": pc.is_valid(amounts),
            "amount_fits": pc.equal(pc.round(amounts, ndigits=exponent(currency)), amounts),
            "has_description": pc.is_valid(lines["description"]),
        }
    )
    return judged.group_by(judged.column_names).aggregate([])


def check(kinds: pa.Table, *, rows_read: int, rows_in: int, currency: str, today: date) -> list[Check]:
    """Run the suite on what `kinds_of` made of the staged lines. `rows_in` counts the rejected rows too."""
    gx = load()
    context = _context(gx)
    source = context.data_sources.add_pandas("ingest")
    checks = []
    for name, frame, rules in (
        ("staged lines", kinds, _of_lines(gx, currency, today)),
        ("batch", pa.table({"rows_read": [rows_read]}), _of_batch(gx, rows_in)),
    ):
        checks += _validated(gx, source, name, frame, rules)
    return checks


def _context(gx: Any) -> Any:
    """In memory; the default would leave a folder for its pages behind, and draw progress bars."""
    from great_expectations.data_context.types import base

    stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = base.DataContextConfig(
        store_backend_defaults=stores, analytics_enabled=False, progress_bars=base.ProgressBarsConfig(globally=False)
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _validated(gx: Any, source: Any, name: str, frame: pa.Table, rules: list[Rule]) -> list[Check]:
    import pandas as pd

    suite = gx.ExpectationSuite(name=name, expectations=[expectation for _, _, expectation in rules])
    whole = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
    batch = whole.get_batch(batch_parameters={"dataframe": frame.to_pandas(types_mapper=pd.ArrowDtype)})
    results = batch.validate(suite, result_format="BOOLEAN_ONLY").results
    held = {result.expectation_config.meta["name"]: bool(result.success) for result in results}
    return [Check(rule, held[rule], type(expectation).__name__, says) for rule, says, expectation in rules]


def _of_lines(gx: Any, currency: str, today: date) -> list[Rule]:
    of, last = gx.expectations, today + timedelta(days=DAYS_AHEAD)
    true = {"value_set": [True]}
    return [
        _rule("dates_known", "every line has a date", of.ExpectColumnValuesToNotBeNull, column="booked_on"),
        _rule("dates_in_range", f"every date lies between 1970 and {last}", of.ExpectColumnValuesToBeBetween,
              column="booked_on", min_value=date(1970, 1, 1), max_value=last),
        _rule("amounts_known", "every line has an amount", of.ExpectColumnValuesToBeInSet,
              column="has_amount", **true),
        _rule("amounts_fit", f"no amount has more decimals than {currency}", of.ExpectColumnValuesToBeInSet,
              column="amount_fits", **true),
        _rule("one_currency", f"every line is in {currency}", of.ExpectColumnValuesToBeInSet,
              column="currency", value_set=[currency]),
        _rule("descriptions_known", "every line has a description, if an empty one", of.ExpectColumnValuesToBeInSet,
              column="has_description", **true),
    ]  # fmt: skip


def _of_batch(gx: Any, rows_in: int) -> list[Rule]:
    least = int(rows_in * LEAST_READ_SHARE) if rows_in >= FEW_ROWS else 0
    says = "most of the file's rows could be read"
    between = gx.expectations.ExpectColumnValuesToBeBetween
    return [_rule("rows_read", says, between, column="rows_read", min_value=least, max_value=rows_in)]


def _rule(name: str, says: str, expectation: Any, **settings: Any) -> Rule:
    return name, says, expectation(**settings, meta={"name": name})


def load() -> Any:
    """Great Expectations, imported."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    return gx
