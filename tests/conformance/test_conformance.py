"""Conformance: every case holds, and nothing is wrong without a word."""

import pytest

from ai2.kit.database import Database
from tests.conformance import books, reading
from tests.conformance.outcome import Case, Outcome, cases

LEAST = {"amounts": 150, "dates": 100, "layouts": 80, "pending": 50, "transfers": 45}


def ids(case: Case) -> str:
    return str(case["name"])


def holds(outcome: Outcome) -> None:
    assert (outcome.holds, outcome.silent) == (True, 0), outcome.said


@pytest.mark.parametrize("family", LEAST)
def test_there_are_enough_cases_each_with_a_name_of_its_own(family: str) -> None:
    names = [case["name"] for case in cases(family)]
    assert len(names) == len(set(names)) >= LEAST[family]


@pytest.mark.parametrize("case", cases("amounts"), ids=ids)
def test_amounts(case: Case) -> None:
    holds(reading.amount(case))


@pytest.mark.parametrize("case", cases("dates"), ids=ids)
def test_dates(case: Case) -> None:
    holds(reading.day(case))


@pytest.mark.parametrize("case", cases("layouts"), ids=ids)
def test_layouts(case: Case) -> None:
    holds(reading.layout(case))


@pytest.mark.parametrize("case", list(cases("pending")), ids=ids)
async def test_pending(database: Database, pipeline: Database, case: Case) -> None:
    holds(await books.check(database, pipeline, "pending", case))


@pytest.mark.parametrize("case", list(cases("transfers")), ids=ids)
async def test_transfers(database: Database, pipeline: Database, case: Case) -> None:
    holds(await books.check(database, pipeline, "transfers", case))


class TestScore:
    """A wrong reading is told from a question: the runner is no judge that always says yes."""

    def test_a_wrong_amount_is_a_silent_error(self) -> None:
        found = reading.amount({"name": "wrong", "currency": "GBP", "cells": ["5.00", "6"], "expect": ["5.00", "7"]})
        assert (found.holds, found.silent) == (False, 1)

    def test_a_question_is_no_silent_error(self) -> None:
        found = reading.amount({"name": "asked", "currency": "GBP", "cells": ["14.000"], "expect": ["14"]})
        assert (found.holds, found.silent) == (False, 0)

    def test_a_date_that_should_have_been_asked_about_is_a_silent_error(self) -> None:
        found = reading.day({"name": "guessed", "cells": ["2025-01-15"], "expect": "asked"})
        assert (found.holds, found.silent) == (False, 1)

    def test_a_line_that_should_not_be_there_is_a_silent_error(self) -> None:
        case = {"name": "more", "text": "Date,Text,Amount\n2025-01-15,A,-1.00\n", "expect": {"lines": []}}
        found = reading.layout(case)
        assert (found.holds, found.silent) == (False, 1)
