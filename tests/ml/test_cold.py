"""A cold start: every row answered, and the sign read from the shops that everybody knows."""

import csv
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ml import cold
from ml.cold import NoSuchColumn, classify_file, classify_frame
from ml.governance import retrain

SHOPS = ("TESCO STORES 1", "STARBUCKS 22", "SHELL 333", "GREGGS", "BOOTS 1234", "IKEA LTD")


@pytest.fixture(autouse=True)
def _knowledge_alone(monkeypatch: pytest.MonkeyPatch, use_registry: Callable[..., Path]) -> None:
    use_registry()
    monkeypatch.setattr(retrain, "ensure_champion", lambda: None)


def written(path: Path, amounts: list[str], texts: tuple[str, ...] = SHOPS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "amount"), *zip(texts, amounts, strict=True)])
    return path


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (["-1", "-2", "-3", "-4", "-5", "6"], True),
        (["1", "2", "3", "4", "5", "-6"], False),  # a card's own list: what was spent is positive
        (["(1.00)", "2.00-", "−3", "-£4", "5 DR", "6"], True),
        (["0", "", "n/a", "0.00", "-", "0"], None),
    ],
)
def test_the_sign_is_what_the_shops_say(tmp_path: Path, amounts: list[str], expected: bool | None) -> None:
    path = written(tmp_path / "in.csv", amounts)
    done = classify_file(path, description="text", amount="amount", out=tmp_path / "out.csv")
    assert done.negative_is_out is expected


def test_without_an_amount_no_direction_is_assumed(tmp_path: Path) -> None:
    done = classify_file(written(tmp_path / "in.csv", ["-1"] * 6), description="TEXT", out=tmp_path / "out.csv")
    assert (done.rows, done.negative_is_out) == (6, None)


def test_a_second_run_replaces_the_answers(tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    classify_file(written(tmp_path / "in.csv", ["-1"] * 6), description="text", amount="amount", out=first)
    classify_file(first, description="text", amount="amount", out=second)
    assert second.read_text() == first.read_text()


def test_a_refused_file_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(NoSuchColumn, match="text, amount"):
        classify_file(written(tmp_path / "in.csv", ["1"] * 6), description="who", out=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_frame_keeps_its_rows_and_index() -> None:
    frame = pd.DataFrame({"text": ["TESCO", None, "ZUNTHORPE"]}, index=[7, 8, 9])
    answered = classify_frame(frame, description="text")
    assert list(answered.index) == [7, 8, 9]
    assert list(answered["decision"]) == ["apply", "abstain", "abstain"]
    assert list(answered["primary"]) == ["FOOD_AND_DRINK", "", ""]
    assert list(classify_frame(frame.iloc[:0], description="text").columns) == ["text", *cold.COLUMNS]
