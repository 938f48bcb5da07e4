"""Detection of what recurs: bills of every cadence are found, and habits, chance and single purchases are not."""

from datetime import date, timedelta

import pytest

from benchmarks.recurring import LEAST, SEED, patterns, truth
from benchmarks.recurring import look as look_ahead
from benchmarks.recurring_books import books
from ml.recurring import outlook
from ml.recurring.detect import Group, Judged, Pattern, follow, judge
from ml.recurring.kinds import kind_for
from ml.recurring.schedules import Schedule, read_schedule

Paid = list[tuple[date, float]]


def group(paid: Paid, kind: str = "unknown", *, is_mandated: bool = False) -> Group:
    rows = sorted(paid)
    amounts = [round(amount * 10_000) for _, amount in rows]
    return Group([day.toordinal() for day, _ in rows], amounts, kind, is_mandated)  # type: ignore[arg-type]


def only(judged: Judged) -> Pattern:
    [pattern] = judged.patterns
    return pattern


def monthly(day: int, amount: float = 9.99, *, months: range = range(1, 13)) -> Paid:
    return [(date(2025, month, day), amount) for month in months]


def every(days: int, amounts: list[float], start: date = date(2025, 1, 3)) -> Paid:
    return [(start + timedelta(days=days * number), amount) for number, amount in enumerate(amounts)]


MONTH_ENDS = [(date(2025, 1, 31), 900.0), (date(2025, 2, 28), 900.0), (date(2025, 3, 31), 900.0),
              (date(2025, 4, 30), 900.0), (date(2025, 5, 30), 900.0), (date(2025, 6, 30), 900.0)]  # fmt: skip
UTILITY = [(date(2026, 1, 15), 245.67), (date(2026, 4, 16), 189.45)]


@pytest.mark.parametrize(
    ("paid", "kind", "cadence", "described"),
    [
        (monthly(5), "unknown", "monthly", "monthly on the 5th"),
        (MONTH_ENDS, "unknown", "monthly", "monthly on the last day, or the working day before"),
        (every(7, [25.0] * 10), "unknown", "weekly", "weekly on Friday"),
        (every(14, [1500.0] * 8), "bill", "fortnightly", "fortnightly on Friday"),
        (every(28, [410.0] * 7), "unknown", "four_weekly", "four-weekly on Friday"),
        (every(30, [12.0] * 13), "unknown", "monthly", "about every 30 days"),
        (monthly(15, 900) + monthly(28, 900), "unknown", "semi_monthly", "semi-monthly on the 15th and the 28th"),
        ([(date(year, month, 10), 80.0) for year in (2024, 2025) for month in (2, 5, 8, 11)], "unknown", "quarterly",
         "quarterly on the 10th"),
        ([(date(year, month, 10), 80.0) for year in (2023, 2024, 2025) for month in (2, 8)], "unknown", "half_yearly",
         "half-yearly on the 10th"),
        ([(date(year, 3, 9), 120.0) for year in (2023, 2024, 2025)], "unknown", "yearly", "yearly on the 9th"),
        # few, but it is known what for, and they keep to a quarter
        (UTILITY, "bill", "quarterly", "quarterly on the 16th"),
    ],
)  # fmt: skip
def test_every_cadence_is_found(paid: Paid, kind: str, cadence: str, described: str) -> None:
    schedule = only(judge(group(paid, kind))).fit.schedule
    assert (schedule.cadence, schedule.described()) == (cadence, described)
    assert read_schedule(schedule.written()) == schedule


UNEVEN = [38.2, 91.7, 44.1, 120.9, 61.0, 33.8, 147.3, 52.6, 99.9, 41.7, 83.0, 130.2]


@pytest.mark.parametrize(
    ("paid", "kind", "code"),
    [
        (every(7, UNEVEN), "habit", "habit"),  # groceries, to the day each week
        (every(7, UNEVEN), "unknown", "amounts_vary"),
        (every(1, [3.4] * 60), "habit", "too_often"),  # coffee at one price
        ([(date(2025, 1, 15), 245.67), (date(2025, 11, 16), 189.45)], "bill", "too_few"),  # ten months apart
        (UTILITY, "unknown", "too_few"),
        (monthly(5, months=range(1, 3)), "unknown", "too_few"),
        ([(date(2025, 1, 1) + timedelta(days=day), 20.0) for day in (0, 11, 54, 60, 97, 158, 171, 240)], "unknown",
         "no_rhythm"),
        ([(date(2025, 1, 5), 8.0)] * 3, "bill", "too_few"),  # all at once
    ],
)  # fmt: skip
def test_what_is_none_is_rejected_with_its_reason(paid: Paid, kind: str, code: str) -> None:
    judged = judge(group(paid, kind))
    assert judged.patterns == ()
    assert judged.rejected
    assert judged.rejected.code == code
    assert judged.rejected.reason


def test_a_mandate_stands_in_for_knowledge() -> None:
    assert judge(group(UTILITY, is_mandated=True)).patterns


def test_a_merchants_words_say_what_it_is() -> None:
    assert kind_for("city power and light", False, None, None) == "bill"
    assert kind_for("zorblax", False, "Electricity", None) == "bill"
    assert kind_for("tesco", False, None, None) == "habit"
    assert kind_for("zorblax", False, None, None) == "unknown"


def test_a_price_rise_is_told_with_its_day() -> None:
    found = only(judge(group(monthly(5, months=range(1, 9)) + monthly(5, 12.99, months=range(9, 13)))))
    [change] = found.amounts.changes
    assert (change.before, change.after, change.at) == (99_900, 129_900, 8)
    assert found.amounts.kind == "stepped"
    assert found.amounts.expected == 129_900


def test_two_subscriptions_at_one_merchant_are_two() -> None:
    judged = judge(group(monthly(5, 0.99) + monthly(5, 8.99) + [(date(2025, 3, 7), 44.0), (date(2025, 8, 1), 2.49)]))
    assert sorted(pattern.amounts.expected for pattern in judged.patterns) == [9_900, 89_900]


def test_a_bill_is_found_among_purchases_and_keeps_its_price_rise() -> None:
    purchases = every(4, [UNEVEN[number % 12] for number in range(90)])
    bill = monthly(9, 8.99, months=range(1, 8)) + monthly(9, 9.99, months=range(8, 13))
    found = only(judge(group(purchases + bill, "habit")))
    assert len(found.members) == 12
    assert len(found.amounts.changes) == 1


def test_what_is_charged_twice_or_skipped_once_goes_on() -> None:
    paid = [(day, amount) for day, amount in monthly(5) if day.month != 7] + [(date(2025, 3, 5), 9.99)]
    found = only(judge(group(paid)))
    assert (len(found.members), len(found.fit.skipped), found.fit.extras) == (11, 1, 1)


@pytest.mark.parametrize(
    ("known_through", "state", "missed"),
    [
        (date(2026, 1, 4), "active", 0),
        (date(2026, 1, 20), "missed", 1),
        (date(2026, 4, 1), "ended", 3),
    ],
)
def test_what_does_not_come_is_missed_and_then_has_ended(known_through: date, state: str, missed: int) -> None:
    found = only(judge(group(monthly(5))))
    ahead = outlook.look(found.fit, date(2025, 12, 5).toordinal(), known_through.toordinal())
    assert (ahead.state, len(ahead.missed)) == (state, missed)


def test_a_due_date_moves_off_the_weekend() -> None:
    schedule = Schedule("monthly", "month_day", (2026 - 1940) * 12, months=1, on=(31,), shift="previous")
    assert date.fromordinal(schedule.due(0)) == date(2026, 1, 30)  # the 31st is a Saturday
    following = schedule.after(date(2026, 1, 30).toordinal())
    assert date.fromordinal(next(following)) == date(2026, 2, 27)


def test_a_persons_word_finds_a_rhythm_in_what_was_rejected() -> None:
    paid = every(31, UNEVEN)
    assert judge(group(paid, "habit")).patterns == ()
    found = follow(group(paid, "habit"), "monthly")
    assert found
    assert (found.fit.schedule.cadence, found.confidence) == ("monthly", 1.0)


def test_books_with_known_truth_are_read_as_they_were_made() -> None:
    """The whole measurement is `python -m benchmarks.recurring`; its seed is in it."""
    right = wrong = wanted = covered = asked = 0
    hit = set()
    for made in (books(SEED), books(SEED + 1), books(SEED + 2)):
        wanted += sum(sum(due <= made.end for due in series.dues) >= LEAST for series in made.series.values())
        for found in patterns(made):
            series = truth(found)
            right, wrong = right + (series is not None), wrong + (series is None)
            if series is None:
                continue
            hit.add((id(made), series.name))
            following = next((due for due in series.dues if due > made.end), None)
            if following and not series.is_cancelled:
                ahead = look_ahead(found)
                asked += 1
                covered += ahead.next_due - ahead.early <= following.toordinal() <= ahead.next_due + ahead.late
    assert right / (right + wrong) >= 0.95
    assert len(hit) / wanted >= 0.9
    assert covered / asked >= 0.9
