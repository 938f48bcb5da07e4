"""`ai2 undo`: a batch taken back from the command line."""

import json
from pathlib import Path

from ai2.kit.ids import new_id

from .conftest import Command

PLAIN = "Date,Description,Amount\n2026-11-02,COSTA COFFEE 43018,-4.20\n2026-11-03,TRAINLINE.COM LONDON,-56.10\n"


def test_takes_a_batch_back(ai2: Command, company: str, tmp_path: Path) -> None:
    path = tmp_path / "november.csv"
    path.write_text(PLAIN)
    words = ("import", path, "--account", "Current", "--organization", company, "--json")
    batch_id = json.loads(ai2(*words).stdout)["batch_id"]
    done = ai2("undo", batch_id, "--organization", company)
    assert done.exit_code == 0, done.output
    assert "2 transactions closed" in done.stdout
    again = json.loads(ai2("undo", batch_id, "--organization", company, "--json").stdout)
    assert (again["closed"], again["left"]) == (2, [])
    assert json.loads(ai2(*words).stdout)["rows"]["loaded"] == 2


def test_an_unknown_batch_is_a_problem(ai2: Command, company: str) -> None:
    refused = ai2("undo", new_id(), "--organization", company, "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["code"] == "batch_not_found"
