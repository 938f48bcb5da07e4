"""`ai2 tax`: the rules are loaded once, and those that a person has to read again are named."""

import re

from tests.cli.conftest import Command


def test_loading_again_changes_nothing(ai2: Command) -> None:
    assert ai2("tax", "load").exit_code == 0
    assert ai2("tax", "load").output == "0 rows are new, 0 have ended.\n"


def test_what_is_not_published_is_to_be_read_again(ai2: Command) -> None:
    answer = ai2("tax", "check")
    *named, summed = answer.output.splitlines()
    assert answer.exit_code == 0
    due = re.fullmatch(r"(\d+) of (\d+) rows are to be read again\.", summed)
    assert due
    assert 0 < int(due[1]) < int(due[2])
    assert len([line for line in named if "http" in line]) == int(due[1])
    assert any("not published" in line for line in named)
