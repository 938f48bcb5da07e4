"""Measuring a file: figures that can be checked by hand, splits that keep apart, labels read as they are meant."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ai2.cli import app
from ml.evaluation import measures, splits
from ml.evaluation.measures import Answered, covered, measured, share
from ml.evaluation.reading import Columns, NoDays, NoSuchCategory, labelled, mapping
from ml.governance import retrain

SHOPS = (("TESCO STORES {}", "FOOD_AND_DRINK"), ("SHELL OIL {}", "TRANSPORTATION"), ("NETFLIX.COM {}", "ENTERTAINMENT"))


def answered(truth: str, said: str, sure: list[float]) -> Answered:
    return Answered(
        np.array(list(truth), dtype=object), np.array(list(said), dtype=object), np.array(sure), np.array(sure) >= 0.9
    )


def test_figures_are_what_one_counts_by_hand() -> None:
    told = measured(answered("aaab", "aabb", [0.95, 0.95, 0.95, 0.5]))
    assert told["accuracy"]["share"] == 0.75
    assert (told["applied"]["share"], told["applied_precision"]["share"]) == (0.75, 0.6667)
    assert told["by_category"]["a"]["recall"]["share"] == 0.6667
    assert told["by_category"]["b"]["precision"]["share"] == 0.5
    assert told["calibration_error"] == pytest.approx((3 * abs(0.95 - 2 / 3) + abs(0.5 - 1)) / 4, abs=1e-4)


def test_coverage_takes_rows_that_are_equally_sure_together() -> None:
    is_right = np.array([True, True, False, True])
    assert covered(np.array([0.9, 0.8, 0.7, 0.6]), is_right, 0.9) == 2
    assert covered(np.array([0.9, 0.8, 0.8, 0.6]), is_right, 0.9) == 1
    assert covered(np.array([0.9, 0.9, 0.9, 0.9]), is_right, 0.95) == 0


def test_a_share_has_wilson_s_interval_and_nothing_has_none() -> None:
    told = share(90, 100)
    assert told is not None
    assert (told["low"], told["high"]) == (0.8256, 0.9448)
    assert share(0, 0) is None


def test_a_merchant_is_on_one_side_only_and_the_latest_are_later() -> None:
    keys = np.array([f"shop {n % 40}" for n in range(400)], dtype=object)
    held = splits.unseen(keys)
    assert 0 < held.mean() < 0.5
    assert not set(keys[held]) & set(keys[~held])
    days = np.arange(400) // 10
    assert days[splits.latest(days)].min() > days[~splits.latest(days)].max()
    assert measures.Z > 1.9


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (["2026-02-03", "2026-02-04"], "2026-02-03"),
        (["03/02/2026", "13/02/2026"], "2026-02-03"),
        (["03/02/2026", "01/03/2026", "02/03/2026"], "2026-02-03"),  # the other way they would go back and forth
    ],
)
def test_days_are_read_the_way_all_of_them_can_be(tmp_path: Path, days: list[str], first: str) -> None:
    frame = labelled(written(tmp_path, [("x", "a", "1", day) for day in (days[0], *days)]), COLUMNS)
    assert str(frame["date"][0].date()) == first


def test_days_that_can_be_read_two_ways_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(NoDays):
        labelled(written(tmp_path, [("x", "a", "1", day) for day in ("01/02/2026", "02/03/2026")]), COLUMNS)


def test_amounts_are_read_in_any_notation(tmp_path: Path) -> None:
    amounts = ["1,234.50", "1.234,50", "(12.00)", "-3", "1,234", ""]
    frame = labelled(written(tmp_path, [("x", "a", amount, "2026-01-01") for amount in amounts]), COLUMNS)
    assert list(frame["amount"]) == [1234.5, 1234.5, -12.0, -3.0, 1234.0, 0.0]


def test_labels_mean_what_the_mapping_says_or_what_they_are(tmp_path: Path) -> None:
    table = tmp_path / "map.csv"
    table.write_text("label,category\nFuel,TRANSPORTATION_GAS\nFood,FOOD_AND_DRINK\n")
    assert mapping(table, ["Fuel"])["Fuel"] == "TRANSPORTATION"
    assert mapping(None, ["Food and drink", "TRAVEL_LODGING", "Zunthorpe"]) == {
        "Food and drink": "FOOD_AND_DRINK", "TRAVEL_LODGING": "TRAVEL",
    }  # fmt: skip
    table.write_text("label,category\nFuel,TRANSPORTATION\nFood,ZUNTHORPE\n")
    with pytest.raises(NoSuchCategory, match="ZUNTHORPE"):
        mapping(table, [])


def test_the_command_measures_all_splits_and_the_cold_start(
    tmp_path: Path, use_registry: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_registry()
    monkeypatch.setattr(retrain, "ensure_champion", lambda: None)
    days = pd.date_range("2026-01-01", periods=240).strftime("%Y-%m-%d")
    rows = [(SHOPS[n % 3][0].format(n % 17), SHOPS[n % 3][1], str(-n - 1), day) for n, day in enumerate(days)]
    out = tmp_path / "out.json"
    words = ["evaluate", str(written(tmp_path, rows)), "--description", "text", "--label", "category"]
    done = CliRunner().invoke(app, [*words, "--amount", "amount", "--date", "day", "--out", str(out)])
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text())
    assert set(report["splits"]) == {"random", "later", "unseen_merchants", "cold_start"}
    assert report["splits"]["random"]["accuracy"]["share"] == 1.0
    assert report["splits"]["later"]["rows"] == 48
    assert report["splits"]["cold_start"]["accuracy"]["share"] == 1.0  # known to everybody
    assert report["splits"]["cold_start"]["negative_is_out"] is True
    assert "cold start" in done.output


COLUMNS = Columns("text", "category", date="day", amount="amount")


def written(folder: Path, rows: list[tuple[str, ...]]) -> Path:
    path = folder / "in.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "category", "amount", "day"), *rows])
    return path
