"""`ai2 replay`: files read again from the command line."""

import json
from pathlib import Path

import pytest

from ai2.kit.ids import new_id

from .conftest import Command

CARD = "date,merchant,amount_gbp\n2026-11-02,COSTA,4.20\n2026-11-03,TRAINLINE,56.10\n"


def test_shows_what_differs_and_lets_the_books_follow(ai2: Command, company: str, tmp_path: Path) -> None:
    path = tmp_path / "card.csv"
    path.write_text(CARD)
    of = ("--organization", company)
    first = ai2("import", path, "--account", "Card", "--positive-is", "out", *of, "--json")
    batch_id = json.loads(first.stdout)["batch_id"]
    for which in (("--batch", batch_id), ("--account", "Card"), ("--all",)):
        shown = ai2("replay", *which, *of)
        assert shown.exit_code == 0, shown.output
        assert f"{batch_id}: 2 unchanged (only shown)" in shown.stdout
    [applied] = json.loads(ai2("replay", "--all", "--apply", *of, "--json").stdout)
    assert (applied["counts"]["unchanged"], applied["is_applied"]) == (2, True)


@pytest.mark.parametrize("words", [(), ("--all", "--account", "x"), ("--batch", "x")])
def test_words_that_do_not_fit_are_exit_code_2(ai2: Command, words: tuple[str, ...]) -> None:
    assert ai2("replay", *words).exit_code == 2


def test_an_unknown_batch_is_a_problem(ai2: Command, company: str) -> None:
    refused = ai2("replay", "--batch", new_id(), "--organization", company, "--json")
    assert json.loads(refused.stdout)["code"] == "batch_not_found"
