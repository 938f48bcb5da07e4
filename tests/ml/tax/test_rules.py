"""The rules as they are shipped: never edited, each with its source, and looked up by the day."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ml.tax import files, ledger, years
from ml.tax.rows import Row, RuleUnreadable
from ml.tax.rules import NotPublished, Rules, UnknownJurisdiction, UnknownYear
from ml.tax.years import UnreadableYear

ROWS = files.read_all()
RULES = Rules(ROWS)
KNOWN = ledger.read()


def changed(rule_id: str, change: Callable[[Row], Row]) -> list[Row]:
    """All rows, the first of a rule changed."""
    at = next(place for place, row in enumerate(ROWS) if row.rule_id == rule_id)
    return [*ROWS[:at], change(ROWS[at]), *ROWS[at + 1 :]]


def test_no_row_that_was_shipped_was_edited() -> None:
    assert ledger.edits(ROWS, KNOWN) == []


def test_every_row_is_in_the_ledger() -> None:
    assert ledger.unwritten(ROWS, KNOWN) == [], "run python -m ml.tax.ledger"


@pytest.mark.parametrize(
    "change",
    [
        lambda row: replace(row, value=Decimal("99")),
        lambda row: replace(row, status="announced"),
        lambda row: replace(row, note="it was otherwise"),
        lambda row: replace(row, valid_to=date(2030, 1, 1)),
        lambda row: replace(row, valid_to=None),
        lambda row: replace(row, rule_id="us.mileage.other"),
    ],
)
def test_an_edit_of_a_row_that_has_ended_is_seen(change: Callable[[Row], Row]) -> None:
    assert len(ledger.edits(changed("us.mileage.business", change), KNOWN)) == 1


def test_to_close_an_open_row_and_to_append_another_is_no_edit() -> None:
    closed = changed("de.gwg", lambda row: replace(row, valid_to=date(2026, 12, 31)))
    newer = replace(RULES.get("de.gwg", date(2026, 1, 1)), valid_from=date(2027, 1, 1), value=Decimal(1000))
    assert ledger.edits([*closed, newer], KNOWN) == []
    assert len(ledger.unwritten([*closed, newer], KNOWN)) == 2
    both = Rules([*closed, newer])
    values = [both.get("de.gwg", day).value for day in (date(2026, 12, 31), date(2027, 1, 1))]
    assert values == [Decimal(800), Decimal(1000)]


def test_a_correction_is_a_higher_version_of_the_same_fact() -> None:
    first = RULES.get("de.gwg", date(2026, 1, 1))
    both = Rules([*ROWS, replace(first, version=2, value=Decimal(900))])
    found = both.get("de.gwg", date(2026, 1, 1))
    assert (found.value, found.name) == (Decimal(900), "2018-01-01.2")


def test_every_row_says_its_law_its_source_and_when_it_was_read() -> None:
    assert all(row.instrument and row.source_url.startswith("https://") for row in ROWS)
    assert all(date(2026, 9, 1) <= row.read_on <= date(2026, 10, 31) for row in ROWS)
    assert {row.jurisdiction for row in ROWS if row.grade == "C" and row.status == "verified"} == set()


def test_no_two_rows_of_a_rule_are_in_force_on_the_same_day() -> None:
    for row in ROWS:
        later = [each for each in ROWS if each.rule_id == row.rule_id and each.valid_from > row.valid_from]
        assert not any(row.covers(each.valid_from) for each in later), row.rule_id


@pytest.mark.parametrize("wanted", ["US", "UK", "GB", "AU", "CA", "NZ", "IE", "DE", "FR", "SG", "IN", "CA-NS", "us-ca"])
def test_a_jurisdiction_is_known(wanted: str) -> None:
    assert RULES.jurisdiction(wanted)[:2] == wanted.replace("UK", "GB").upper()[:2]


def test_an_unknown_jurisdiction_and_an_unknown_year_are_refused_with_what_is_known() -> None:
    with pytest.raises(UnknownJurisdiction) as nowhere:
        RULES.jurisdiction("BR")
    assert {"US", "GB", "CA-ON"} <= set(nowhere.value.extra["known"])
    with pytest.raises(UnknownYear) as never:
        RULES.check_year("GB", 2031)
    assert never.value.extra["known"][-1] == "2027-28"


def test_a_figure_that_is_not_published_is_a_row_that_says_so() -> None:
    row = RULES.find("au.home.fixed_rate", date(2026, 8, 1))
    assert row
    assert (row.value, row.status) == (None, "unpublished")
    with pytest.raises(NotPublished, match="another guide says 70 cents"):
        RULES.get("au.home.fixed_rate", date(2026, 8, 1))
    assert RULES.get("au.home.fixed_rate", date(2026, 6, 30)).value == Decimal("0.70")


@pytest.mark.parametrize(
    ("jurisdiction", "text", "expected"),
    [
        ("US", "2026", ("2026", date(2026, 1, 1), date(2026, 12, 31))),
        ("GB", "2026-27", ("2026-27", date(2026, 4, 6), date(2027, 4, 5))),
        ("GB", "2026", ("2026-27", date(2026, 4, 6), date(2027, 4, 5))),
        ("AU", "2026-2027", ("2026-27", date(2026, 7, 1), date(2027, 6, 30))),
        ("AU", "1999/00", ("1999-00", date(1999, 7, 1), date(2000, 6, 30))),
    ],
)
def test_a_tax_year_is_read(jurisdiction: str, text: str, expected: tuple[str, date, date]) -> None:
    year = years.read(jurisdiction, text)
    assert (year.name, year.start, year.end) == expected


@pytest.mark.parametrize(("jurisdiction", "text"), [("US", "2026-27"), ("GB", "2026-28"), ("GB", "26"), ("AU", "next")])
def test_a_tax_year_that_cannot_be_is_refused(jurisdiction: str, text: str) -> None:
    with pytest.raises(UnreadableYear):
        years.read(jurisdiction, text)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("value: 1\n  status: unpublished", "unpublished has no figure"),
        ("value: 1\n  status: guessed", "status is one of"),
        ("value: one\n  status: verified", "InvalidOperation"),
        ("value: 1\n  status: verified\n  colour: red", "colour is not known"),
        ("status: verified", "all else has one"),
    ],
)
def test_a_row_that_does_not_hold_is_refused(tmp_path: Path, written: str, told: str) -> None:
    (tmp_path / "us").mkdir()
    row = f"""
- rule_id: us.test
  kind: rate
  unit: USD
  keyed_on: transaction
  grade: A
  instrument: A law
  source_url: https://example.com/
  read_on: 2026-09-01
  {written}
  rows: [{{valid_from: 2026-01-01}}]
"""
    (tmp_path / "us" / "test.yaml").write_text(row)
    if "unpublished" in written:  # what is unpublished takes no figure over, whatever its rule says
        assert [each.value for each in files.read_all(tmp_path)] == [None]
        return
    with pytest.raises(RuleUnreadable, match=told):
        files.read_all(tmp_path)
