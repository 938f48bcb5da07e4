"""`ai2 classify`: every row answered, in its place, and the file otherwise as it was."""

import csv
import gzip
from pathlib import Path

import pytest

from .conftest import Command

ROWS = [
    ["2026-11-02", "TESCO STORES 3341 BRISTOL", "23.80", "groceries; weekly"],
    ["2026-11-03", "SHELL 4471", "54,10", ""],
    ["2026-11-04", "ZQX QWERTYUIOP", "5.00", 'said "maybe"'],
    ["2026-11-05", "TESCO STORES 3341 BRISTOL", "-3.10", "refund"],
]


@pytest.fixture(autouse=True)
def _knowledge_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training takes a minute; what is publicly known answers without a model."""
    monkeypatch.setattr("ml.governance.retrain.ensure_champion", lambda: None)


def write(path: Path, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["date", "Merchant", "amount", "notes"])
        writer.writerows(ROWS)
    return path


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline="", encoding="utf-8")))


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "cp1252"), ("\t", "utf-16")])
def test_adds_the_answer_to_every_row(ai2: Command, tmp_path: Path, delimiter: str, encoding: str) -> None:
    out = tmp_path / "out.csv"
    file = write(tmp_path / "in.csv", delimiter, encoding)
    done = ai2("classify", file, "--description", "Merchant", "--amount", "amount", "--out", out)
    assert done.exit_code == 0, done.output
    rows = read(out)
    assert [[row["date"], row["Merchant"], row["amount"], row["notes"]] for row in rows] == ROWS
    assert rows[0]["detailed"] == "FOOD_AND_DRINK_GROCERIES"
    assert rows[0]["primary"] == "FOOD_AND_DRINK"
    assert rows[1]["detailed"] == "TRANSPORTATION_GAS"
    assert (rows[2]["decision"], rows[2]["detailed"]) == ("abstain", "")
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
    assert "4 rows: " in done.stdout


def test_reads_what_is_compressed(ai2: Command, tmp_path: Path) -> None:
    packed = tmp_path / "in.csv.gz"
    packed.write_bytes(gzip.compress(write(tmp_path / "in.csv").read_bytes()))
    assert ai2("classify", packed, "--description", "Merchant", "--out", tmp_path / "out.csv").exit_code == 0
    assert len(read(tmp_path / "out.csv")) == len(ROWS)


def test_names_the_columns_there_are(ai2: Command, tmp_path: Path) -> None:
    refused = ai2("classify", write(tmp_path / "in.csv"), "--description", "who", "--out", tmp_path / "out.csv")
    assert refused.exit_code == 1
    assert "date, Merchant, amount, notes" in refused.stderr


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x01\x02\x03" * 200])
def test_what_is_no_table_is_a_sentence(ai2: Command, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    refused = ai2("classify", path, "--description", "Merchant", "--out", tmp_path / "out.csv")
    assert refused.exit_code == 1
    assert "Traceback" not in refused.output
