"""`ai2 import`: the same answers as the API's, for people and for programs."""

import json
from pathlib import Path

import pytest

from ai2.sample import write

from .conftest import Command

PLAIN = "Date,Description,Amount\n2026-11-02,COSTA COFFEE 43018,-4.20\n2026-11-03,TRAINLINE.COM LONDON,-56.10\n"


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    path = tmp_path / "november.csv"
    path.write_text(PLAIN)
    return path


def rows(output: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(output)["rows"]
    return found


def test_loads_a_file_once(ai2: Command, company: str, statement: Path) -> None:
    words = ("import", statement, "--account", "Current", "--organization", company, "--json")
    first, again = ai2(*words), ai2(*words)
    assert rows(first.stdout) == {"in": 2, "loaded": 2, "duplicate": 0, "quarantined": 0}
    assert rows(again.stdout) == {"in": 2, "loaded": 0, "duplicate": 2, "quarantined": 0}
    assert json.loads(first.stdout)["status"] == "loaded"
    assert "sample" not in json.loads(first.stdout)


def test_tells_people_in_a_sentence(ai2: Command, company: str, statement: Path) -> None:
    done = ai2("import", statement, "--account", "Current", "--organization", company)
    assert done.exit_code == 0
    assert "2 rows: 2 loaded, 0 there already, 0 quarantined" in done.stdout


def test_a_dry_run_shows_and_writes_nothing(ai2: Command, company: str, statement: Path) -> None:
    words = ("import", statement, "--account", "Current", "--organization", company, "--json")
    looked = json.loads(ai2(*words, "--dry-run").stdout)
    assert looked["sample"][0]["amount"] == "-4.20"
    assert looked["batch_id"] is None
    assert rows(ai2(*words).stdout)["loaded"] == 2


def test_a_new_account_is_in_the_currency_that_is_said(ai2: Command, company: str, tmp_path: Path) -> None:
    file = next(file for file in write(tmp_path) if file.currency == "EUR")
    words = ("import", file.path, "--organization", company, "--json")
    assert json.loads(ai2(*words, "--account", "Euro", "--currency", "eur").stdout)["currency"] == "EUR"
    refused = ai2(*words, "--account", "Pounds")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["code"] == "other_currency"


def test_asks_and_takes_the_answer(ai2: Command, company: str, tmp_path: Path) -> None:
    path = tmp_path / "card.csv"
    path.write_text("date,merchant,amount_gbp\n2026-11-02,COSTA,4.20\n2026-11-03,TRAINLINE,56.10\n")
    words = ("import", path, "--account", "Card", "--organization", company)
    asked = ai2(*words)
    assert asked.exit_code == 1
    assert "--positive-is in|out" in asked.stderr
    assert json.loads(ai2(*words, "--json").stdout)["code"] == "needs_answer"
    assert rows(ai2(*words, "--positive-is", "out", "--json").stdout)["loaded"] == 2


def test_takes_a_mapping_and_an_encoding(ai2: Command, company: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes("a,b,c\n2026-11-02,Caf\u00e9,-4.20\n2026-11-03,Th\u00e9,-56.10\n".encode("cp850"))
    words = ("import", path, "--account", "Odd", "--organization", company, "--json", "--encoding", "cp850")
    mapped = ai2(*words, "--mapping", "date=a", "--mapping", "amount=3", "--mapping", "description=b", "--dry-run")
    assert [row["description"] for row in json.loads(mapped.stdout)["sample"]] == ["Caf\u00e9", "Th\u00e9"]


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty_file"), (b"\x7fELF\x00\x01" * 100, "not_text"), (b"\x1f\x8b\x08\x00", None)]
)
def test_what_cannot_be_read_is_a_problem_and_no_traceback(
    ai2: Command, company: str, tmp_path: Path, content: bytes, code: str | None
) -> None:
    path = tmp_path / "statement"
    path.write_bytes(content)
    refused = ai2("import", path, "--account", "Current", "--organization", company, "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["code"] == (code or json.loads(refused.stdout)["code"])
    assert "Traceback" not in refused.output


@pytest.mark.parametrize(
    "words",
    [
        ("import", "nowhere.csv", "--account", "x"),
        ("import", __file__),
        ("import", __file__, "--account", "x", "--date-order", "ydm"),
        ("import", __file__, "--account", "x", "--positive-is", "up"),
        ("import", __file__, "--account", "x", "--mapping", "sum=1"),
        ("import", __file__, "--account", "x", "--encoding", "morse"),
        ("up", "--profile", "everything"),
    ],
)
def test_words_that_do_not_fit_are_exit_code_2(ai2: Command, words: tuple[str, ...]) -> None:
    assert ai2(*words).exit_code == 2


def test_an_unknown_organization_is_a_problem(ai2: Command, statement: Path) -> None:
    refused = ai2("import", statement, "--account", "x", "--organization", "Nobody Ltd")
    assert refused.exit_code == 1
    assert "no organization" in refused.stderr
