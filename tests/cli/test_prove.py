"""`ai2 prove`: whether the books hold what the bank says, in sentences, and as an exit code."""

from pathlib import Path

import pytest

from .conftest import Command

MARCH = """Date,Description,Amount,Balance
2026-03-02,RENT MARCH,-850.00,1150.00
2026-03-03,SALARY ACME LTD,2000.00,3150.00
2026-03-05,TESCO STORES 3297,-45.27,3104.73
"""


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    path = tmp_path / "march.csv"
    path.write_text(MARCH)
    return path


def test_says_until_when_it_holds(ai2: Command, company: str, statement: Path) -> None:
    ai2("import", statement, "--account", "Current", "--organization", company)
    shown = ai2("prove", "--organization", company, "--account", "current")
    assert shown.exit_code == 0, shown.output
    assert "holds until 2026-03-05" in shown.stdout
    assert "begins with what the bank states for 2026-03-01" in shown.stdout


def test_says_since_when_it_breaks_and_why(ai2: Command, company: str, statement: Path) -> None:
    statement.write_text(MARCH.replace("2026-03-03", "2026-13-03"))
    ai2("import", statement, "--account", "Current", "--organization", company)
    shown = ai2("prove", "--organization", company)
    assert shown.exit_code == 1
    assert "held until 2026-03-02; breaks on 2026-03-05: the bank has 2000.00 more" in shown.stdout
    assert "A row with the missing amount is quarantined" in shown.stdout


def test_an_account_that_is_not_there_is_named_with_those_that_are(ai2: Command, company: str, statement: Path) -> None:
    ai2("import", statement, "--account", "Current", "--organization", company)
    refused = ai2("prove", "--organization", company, "--account", "Savings")
    assert refused.exit_code == 1
    assert "there are Current" in refused.output
