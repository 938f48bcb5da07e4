"""REST rows: what a mapping makes of a row is what the row says, or nothing; never a guess."""

import json
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from ai2.ingest.sources.rest import mapping, paths, rows

ROW = {"a": {"b": [{"c": 1}, {"c": 2}]}, "x.y": "dotted", "empty": "", "n": None, "zero": 0}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [ROW]), ("$.a.b[1].c", [2]), ("a.b[0].c", [1]), ("$.a.b[*].c", [1, 2]), ("$['x.y']", ["dotted"]),
        ("a.b", [[{"c": 1}, {"c": 2}]]), ("a.*", [[{"c": 1}, {"c": 2}]]), ("a.b[7].c", []), ("nowhere.at.all", []),
        ("a.b.c", []), ("zero", [0]), ("n", [None]),
    ],
)  # fmt: skip
def test_a_path_finds_what_is_there(path: str, found: list[Any]) -> None:
    jsonschema.validate(path, {"pattern": paths.PATTERN})
    assert list(paths.values(path, ROW)) == found


@pytest.mark.parametrize(
    "path", ["$..a", "$.a[?(@.b)]", "$[", "a[-1]", "a['b", "a{b}", "$.a[1:2]", "$.a;b", "a" * 290 + "!"]
)
def test_a_path_that_is_read_by_nobody_here_is_refused(path: str) -> None:
    assert list(jsonschema.Draft202012Validator({"pattern": paths.PATTERN}).iter_errors(path))


@pytest.mark.parametrize(
    ("how", "written", "day"),
    [
        ("iso", "2026-03-02", "2026-03-02"), ("iso", "20260302", "2026-03-02"),
        # the bank's day, whatever the zone behind it
        ("iso", "2026-03-02T23:59:59-11:00", "2026-03-02"), ("iso", "2026-03-02 00:01:00+14:00", "2026-03-02"),
        ("%d.%m.%Y", "02.03.2026", "2026-03-02"), ("%m/%d/%Y", "03/02/2026", "2026-03-02"),
        ("unix", 1772409600, "2026-03-02"), ("unix", Decimal("1772409600.9"), "2026-03-02"),
        ("unix_ms", "1772409600999", "2026-03-02"),
        ("iso", "02.03.2026", None), ("iso", "2026-02-30", None), ("%d.%m.%Y", "2026-03-02", None), ("iso", None, None),
        ("unix", "soon", None), ("unix", Decimal("1e30"), None), ("iso", {"year": 2026}, None), ("iso", True, None),
    ],
)  # fmt: skip
def test_a_day_is_the_one_that_is_written(how: str, written: Any, day: str | None) -> None:
    fields = {"date": {"path": "d", "format": how}, "amount": {"path": "a"}}
    made = rows.line({"d": written, "a": 1}, {"fields": fields}, "GBP")
    assert made is not None
    assert made["date"] == day


@pytest.mark.parametrize(
    ("field", "row", "amount"),
    [
        ({"path": "a"}, {"a": Decimal("-4.20")}, "-4.20"),
        ({"path": "a"}, {"a": "-4.20"}, "-4.20"),
        ({"path": "a", "positive_is": "out"}, {"a": "4.20"}, "-4.20"),
        ({"path": "a", "minor_units": True}, {"a": -420}, "-4.20"),
        ({"path": "a", "minor_units": True}, {"a": Decimal("4.2")}, None),  # no whole number of pence
        ({"path": "a", "decimal_mark": ","}, {"a": "4,20"}, "4.20"),
        ({"path": "a", "decimal_mark": ","}, {"a": "1.234,56"}, None),  # thousands, or a slip
        ({"path": "a"}, {"a": "1,234.56"}, None),
        ({"path": "a"}, {"a": "12,34"}, None),
        ({"path": "a"}, {"a": "£4"}, None),
        ({"path": "a"}, {"a": True}, None),
        ({"path": "a"}, {}, None),
        ({"path": ["a", "b"]}, {"a": None, "b": 3}, "3"),
        ({"path": "a", "direction_path": "t", "direction_out": ["DBIT"]}, {"a": 5, "t": "dbit"}, "-5"),
        ({"path": "a", "direction_path": "t", "direction_out": ["DBIT"]}, {"a": -5, "t": "CRDT"}, "5"),
        ({"path": "a", "direction_path": "t", "direction_out": ["DBIT"]}, {"a": 5}, None),  # in or out, who knows
        ({"path": "a", "direction_path": "t", "direction_out": [True]}, {"a": 5, "t": True}, "-5"),
        ({"credit_path": "c", "debit_path": "d"}, {"c": "7.00", "d": ""}, "7.00"),
        ({"credit_path": "c", "debit_path": "d"}, {"c": None, "d": "7.00"}, "-7.00"),
        ({"credit_path": "c", "debit_path": "d"}, {"c": 0, "d": "-7.00"}, "-7.00"),
        ({"credit_path": "c", "debit_path": "d"}, {}, None),
    ],
)  # fmt: skip
def test_an_amount_is_exact_and_money_in_is_above_zero(field: dict[str, Any], row: Any, amount: str | None) -> None:
    fields = {"date": {"path": "d"}, "amount": field}
    made = rows.line({"d": "2026-03-02", **row}, {"fields": fields}, "GBP")
    assert made is not None
    assert made["amount"] == (None if amount is None else Decimal(amount))
    assert json.loads(rows.dumped(made), parse_float=str, parse_int=str)["amount"] == amount


def test_minor_units_are_those_of_the_currency() -> None:
    fields = {"date": {"path": "d"}, "amount": {"path": "a", "minor_units": True}, "currency": "c"}
    made = [rows.line({"d": 1, "a": 1234, "c": code}, {"fields": fields}, None) for code in ("JPY", "KWD", "XXX", "")]
    assert [line and line["amount"] for line in made] == [Decimal(1234), Decimal("1.234"), None, None]


FIELDS = {"date": {"path": "d"}, "amount": {"path": "a"}}
GOOD: dict[str, Any] = {"url": "https://api.example/v1", "fields": FIELDS}


@pytest.mark.parametrize(
    ("change", "credentials", "field"),
    [
        ({"auth": {"type": "bearer"}}, {}, "credentials.token"),
        ({"auth": {"type": "basic"}}, {"username": "a"}, "credentials.password"),
        ({"auth": {"type": "header"}}, {"token": "t"}, "settings.auth.name"),
        ({"auth": {"type": "client_credentials"}}, {"client_id": "a", "client_secret": "b"}, "settings.auth.token_url"),
        ({"paging": {"type": "cursor", "parameter": "after"}}, {}, "settings.paging.path"),
        ({"paging": {"type": "page"}}, {}, "settings.paging.parameter"),
        ({"url": "https://api.example/{account}"}, {}, "settings.accounts"),
        ({"parameters_in": "body"}, {}, "settings.method"),
        ({"accounts": [{"key": "a", "name": "A"}]}, {}, "settings.account_path"),
        ({"fields": {**FIELDS, "amount": {}}}, {}, "settings.fields.amount.path"),
        ({"fields": {**FIELDS, "amount": {"credit_path": "c"}}}, {}, "settings.fields.amount.debit_path"),
        ({"fields": {**FIELDS, "amount": {"path": "a", "direction_path": "t"}}}, {},
         "settings.fields.amount.direction_out"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_hold_together_names_the_field(
    change: dict[str, Any], credentials: dict[str, str], field: str
) -> None:
    mapping.check(GOOD, {})
    jsonschema.Draft202012Validator(mapping.SETTINGS).validate({**GOOD, **change})
    with pytest.raises(mapping.MappingDoesNotHold) as refused:
        mapping.check({**GOOD, **change}, credentials)
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "ftp://api.example"}, "url"), ({"url": "https://user:secret@api.example/"}, "url"),
        ({"url": "https://api.example/a b"}, "url"), ({"method": "DELETE"}, "method"),
        ({"headers": {"Host": "internal"}}, "headers"), ({"headers": {"Transfer-Encoding": "chunked"}}, "headers"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "headers.X-A"), ({"rows": "$..x"}, "rows"),
        ({"paging": {"type": "magic"}}, "paging.type"), ({"fields": {"amount": {"path": "a"}}}, "fields"),
        ({"currency": "pounds"}, "currency"), ({"unknown": 1}, ""),
    ],
)  # fmt: skip
def test_a_mapping_that_is_none_is_refused_by_its_schema(change: dict[str, Any], field: str) -> None:
    faults = list(jsonschema.Draft202012Validator(mapping.SETTINGS).iter_errors({**GOOD, **change}))
    assert [".".join(map(str, fault.absolute_path)) for fault in faults] == [field]


def test_its_schemas_are_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(mapping.SETTINGS)
    jsonschema.Draft202012Validator.check_schema(mapping.CREDENTIALS)
