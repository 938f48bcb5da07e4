"""Forecasts of series: known ones go on as known, nothing is known before its time, and intervals hold their share."""

from dataclasses import replace

import numpy as np
import pytest

from ml.cashflow import intervals
from ml.cashflow.candidates import PLAIN, seasonal_naive
from ml.cashflow.kept import digest, pack, unpack, work_out
from ml.cashflow.outlook import Parts, look, of_rehearsal
from ml.cashflow.panel import Floats, Panel, Pattern, median
from ml.cashflow.rehearsal import rehearse

MONTHS = 36
SEED = 20261128


def panel(values: Floats, **more: object) -> Panel:
    return Panel(values, 0, np.ones(len(values), dtype=bool), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def noisy() -> Floats:
    """Series of many sizes, some of mostly empty months, each around a level of its own."""
    rng = np.random.default_rng(SEED)
    size = rng.lognormal(5, 1.5, (40, 1))
    values = size * rng.gamma(4, 0.25, (40, MONTHS))
    values[30:] *= rng.random((10, MONTHS)) < 0.3
    return values


def test_what_never_changes_goes_on_and_is_sure() -> None:
    found = look(panel(np.full((3, MONTHS), 120.0)), 12)
    assert found.points == pytest.approx(np.full((3, 12), 120.0))
    assert found.ends[0.95] == pytest.approx(np.full((3, 12, 2), 120.0))


def test_a_season_of_a_year_is_found() -> None:
    months = np.arange(MONTHS)
    values = np.array([100 + 80.0 * (months % 12 == 11), 50 + 30 * np.sin(months / 6 * np.pi)])
    found = look(panel(values), 12)
    assert found.points == pytest.approx(values[:, :12], abs=1)


def test_what_is_known_to_recur_comes_when_it_is_due_and_is_not_in_the_rest() -> None:
    rng = np.random.default_rng(SEED)
    bill = 900.0 * (np.arange(MONTHS) % 3 == 1)
    rest = rng.normal(200, 10, MONTHS)
    ahead = 950.0 * ((MONTHS + np.arange(12)) % 3 == 1)
    found = look(panel((rest + bill)[None], patterns=[Pattern(0, bill, 3, ahead)]), 12)
    assert found.points[0] == pytest.approx(200 + ahead, abs=20)
    width = found.ends[0.8][0, :, 1] - found.ends[0.8][0, :, 0]
    assert width.max() < 100


def test_a_pattern_is_not_known_before_it_came_three_times() -> None:
    bill = np.zeros(MONTHS)
    bill[[10, 13, 16, 19]] = 900
    pattern = Pattern(0, bill, 3)
    assert pattern.until(16, 3) is None
    known = pattern.until(17, 6)
    assert known is not None
    assert list(known[1]) == [0, 0, 900, 0, 0, 900]
    assert pattern.until(30, 3) is None, "it has not come for a year"


def test_nothing_of_what_comes_later_is_known(noisy: Floats) -> None:
    """Other months after the origin change nothing of what is said from it."""
    other = noisy.copy()
    other[:, 30:] *= 7
    ours, theirs = (
        of_rehearsal(panel(each), rehearse(panel(each), range(24, 32), 3, refit_every=6), 30, is_tested=False)
        for each in (noisy[::2], other[::2])
    )
    assert ours.chosen == theirs.chosen
    np.testing.assert_array_equal(ours.points, theirs.points)
    np.testing.assert_array_equal(ours.ends[0.8], theirs.ends[0.8])


def test_intervals_hold_their_share_and_sums_have_their_own(noisy: Floats) -> None:
    """Of months that were not known: 80 and 95 % of those of the series, and of their sum's running total."""
    print("seed", SEED)
    sums = np.ones((1, len(noisy)))
    rehearsal = rehearse(panel(noisy), range(12, MONTHS), 3, refit_every=8)
    held: dict[float, list[Floats]] = {0.8: [], 0.95: []}
    width_of_sum, sum_of_widths = 0.0, 0.0
    for origin in range(24, MONTHS - 2):
        found = of_rehearsal(panel(noisy), rehearsal, origin, sums=sums, is_tested=False)
        came = noisy[:, origin : origin + 3]
        for level, inside in held.items():
            ends = found.ends[level][:-1]
            inside.append((came >= ends[..., 0] - 1e-9) & (came <= ends[..., 1] + 1e-9))
        width = found.ends[0.8][..., 1] - found.ends[0.8][..., 0]
        width_of_sum += width[-1].sum()
        sum_of_widths += width[:-1].sum()
    assert 0.75 <= np.mean(held[0.8]) <= 0.87
    assert 0.92 <= np.mean(held[0.95]) <= 0.985
    # what is independent cancels: the sum is far surer than its parts together
    assert width_of_sum < 0.5 * sum_of_widths


def test_parts_are_adjusted_to_the_whole(noisy: Floats) -> None:
    few = noisy[:8, 12:]
    values = np.concatenate([few.sum(axis=0, keepdims=True), few])
    found = look(panel(values), 6, parts=[Parts(0, range(1, len(values)))])
    assert found.points[1:].sum(axis=0) == pytest.approx(found.points[0])
    assert (found.points >= 0).all()


def test_a_month_that_has_begun_keeps_what_it_has(noisy: Floats) -> None:
    """A quarter of each month comes by its day; of the one that has begun three times as much has."""
    few = noisy[:5]
    begun = np.concatenate([few * 0.25, few.mean(axis=1, keepdims=True) * 3], axis=1)
    found = look(panel(few, begun=begun), 3)
    plain = look(panel(few), 3)
    assert found.points[:, 0] == pytest.approx(begun[:, -1] + 0.75 * plain.points[:, 0], rel=0.2)


@pytest.mark.parametrize("months", [3, 4, 7, 12, 13, 20])
def test_short_histories_are_forecast_plainly_and_never_broken(noisy: Floats, months: int) -> None:
    values = noisy[:3, :months].copy()
    values[1, : months - 1] = np.nan
    values[2] = 0
    found = look(panel(values), 12, sums=np.ones((1, 3)))
    assert np.isfinite(found.points).all()
    assert (found.points[2] == 0).all()


def test_what_is_kept_is_what_was_worked_out_and_is_known_by_its_past(noisy: Floats) -> None:
    first = panel(noisy[:4])
    said = work_out(first)
    again = unpack(*pack(said))
    assert list(again.names) == list(said.names)
    np.testing.assert_array_equal(again.said, said.said)
    names = ["a", "b", "c", "d"]
    later = replace(first, begun=np.concatenate([noisy[:4], noisy[:4, :1]], axis=1))
    assert digest(first, names) == digest(later, names), "the month that has begun is not in it"
    assert digest(first, names) != digest(panel(noisy[:4] + 1), names)
    assert digest(first, names) != digest(first, names[::-1])


def test_plain_candidates_do_what_they_are_named_for() -> None:
    year = np.arange(24.0)[None]
    assert list(seasonal_naive(year, 14)[0]) == [*range(12, 24), 12, 13]
    assert PLAIN["mean_of_half_year"](year, 2) == pytest.approx(np.full((1, 2), 20.5))
    assert PLAIN["median_of_year"](year, 1) == pytest.approx(np.array([[17.5]]))
    assert list(median(np.array([[1.0, np.nan, 5.0, 3.0], [np.nan] * 4]))) == pytest.approx([3.0, np.nan], nan_ok=True)


def test_few_misses_make_wide_intervals_and_fewer_than_three_none() -> None:
    group = np.zeros(1, dtype=np.int64)
    three, many = np.array([[-1.0, 0.5, 1.0]]), np.tile([[-1.0, 0.5, 1.0]], 20)
    wide = intervals.around(three, group)[0.8][0]
    narrow = intervals.around(many, group)[0.8][0]
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])
    assert np.isnan(intervals.around(three[:, :2], group)[0.8]).all()


def test_series_that_are_all_younger_than_the_books_are_learnt_from_too() -> None:
    """A year before any of them there were books, and nothing of theirs."""
    from ml.cashflow import boosting

    history = np.random.default_rng(7).gamma(2.0, 100.0, size=(400, 15))
    history[:, :7] = np.nan
    model = boosting.fit(history, 3, 0)
    assert model is not None
    assert np.isfinite(boosting.predict(model, history, 3, 0)).all()
