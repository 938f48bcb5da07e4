"""Upkeep: which rules are to be read again."""

from datetime import date

from ml.tax import files
from ml.tax.upkeep import due

ROWS = files.read_all()


def test_what_is_not_published_for_today_is_due() -> None:
    found = {each.rule_id: each.why for each in due(ROWS, date(2026, 11, 1))}
    missing = {
        "au.home.fixed_rate", "be.mileage.car", "nz.home.square_metre", "nz.mileage.petrol", "nz.mileage.diesel",
        "nz.mileage.hybrid", "nz.mileage.electric", "us.schedule_c",
    }  # fmt: skip
    assert found == dict.fromkeys(missing, "not_published")


def test_what_was_read_over_a_year_ago_is_due_and_what_has_ended_is_not() -> None:
    in_time, late = (due(ROWS, day) for day in (date(2027, 9, 1), date(2027, 9, 2)))
    assert "us.meals" not in {each.rule_id for each in in_time}
    assert ("us.meals", "2023-01-01.1", "read_long_ago") in {(x.rule_id, x.rule_version, x.why) for x in late}
    assert not any(each.rule_version.startswith("2021") for each in late if each.rule_id == "us.meals")
