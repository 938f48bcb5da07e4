"""The process in which the expectations run: it ends with who started it, and one that ended is started anew."""

import asyncio
import subprocess
import sys
from datetime import date
from decimal import Decimal

import psutil
import pyarrow as pa
import pytest

from ai2.ingest.lines import LINES
from ai2.ingest.loading import checker

TODAY = date(2026, 3, 1)


def lines(amount: str = "-12.50") -> pa.Table:
    row = dict.fromkeys(LINES.names)
    row |= {"booked_on": TODAY, "amount": Decimal(amount), "currency": "GBP", "description": "TESCO"}
    return pa.Table.from_pylist([row], schema=LINES)


async def checked(amount: str = "-12.50") -> dict[str, bool]:
    checks = await checker.check(lines(amount), rows_in=1, currency="GBP", today=TODAY)
    return {check.name: check.holds for check in checks}


async def test_says_of_each_expectation_whether_it_held() -> None:
    assert all((await checked()).values())
    assert not (await checked("-12.505"))["amounts_fit"]


async def test_a_checker_that_was_killed_is_started_anew() -> None:
    await checked()
    (child,) = (each for each in psutil.Process().children() if checker.__name__ in each.cmdline())
    child.kill()
    child.wait()
    assert all((await checked()).values())


async def test_what_goes_wrong_in_it_is_told_to_who_asked() -> None:
    with pytest.raises(checker.CheckerFailed, match="Arrow"):
        checker._read(await asyncio.to_thread(checker.CHECKER.ask, b"no Arrow stream"))
    assert all((await checked()).values())


def test_it_ends_with_who_started_it_even_by_kill() -> None:
    script = "from ai2.ingest.loading import checker; checker.warm(); print('up', flush=True); input()"
    words = (sys.executable, "-c", script)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"up\n"
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    child.wait(30)


def test_who_asks_does_not_import_the_library() -> None:
    script = "import sys, api.core; assert 'great_expectations' not in sys.modules"
    subprocess.run((sys.executable, "-c", script), check=True)
