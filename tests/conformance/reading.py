"""Reading: the cases that need no database, run against this project's own reader."""

import base64
import csv
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from ai2.ingest.layout.model import Options
from ai2.ingest.lines import Account, Statement
from ai2.ingest.problems import NeedsAnswer
from ai2.ingest.read import statements
from ai2.kit.errors import Problem
from tests.conformance.outcome import Case, Outcome, cases, compared

# What a file that cannot be read at all says of its cells: nothing is loaded from it.
REFUSED = "refused"


def run() -> Iterator[Outcome]:
    """Every case of amounts, dates and layouts."""
    families: dict[str, Callable[[Case], Outcome]] = {"amounts": amount, "dates": day, "layouts": layout}
    for family, check in families.items():
        yield from map(check, cases(family))


def amount(case: Case) -> Outcome:
    """The cells of one amount column, in a file of which nothing else is in doubt."""
    rows = [("2025-01-15", "Row", cell) for cell in case["cells"]]
    options = Options(positive_is="in", decimal_mark=case.get("decimal_mark"))
    found = _column(rows, Account(case["currency"]), options, "decimal_mark", "amount")
    return compared("amounts", case, _exact(case["expect"]), _exact(found))


def day(case: Case) -> Outcome:
    """The cells of one date column."""
    rows = [(cell, "Row", "-1.00") for cell in case["cells"]]
    found = _column(rows, Account("GBP"), Options(date_order=case.get("date_order")), "date_order", "booked_on")
    return compared("dates", case, case["expect"], found)


def layout(case: Case) -> Outcome:
    """A small file, and what becomes of it."""
    account = Account(**case.get("account", {"currency": "EUR"}))
    raw = base64.b64decode(case["base64"]) if "base64" in case else case["text"].encode(case.get("encoding", "utf-8"))
    expect = case["expect"]
    if "asks" in expect:
        return _asked(case, raw, account, expect)
    found = _read(raw, account, case.get("options", {}))
    if "refused" in expect:
        said = found if isinstance(found, str) else "lines"
        silent = 0 if isinstance(found, str) else len(found.lines)
        return Outcome("layouts", case["name"], said == f"refused {expect['refused']}", silent, said)
    return _same(case, found, expect["lines"], expect.get("rejected", []))


def _asked(case: Case, raw: bytes, account: Account, expect: dict[str, Any]) -> Outcome:
    found = _read(raw, account, case.get("options", {}))
    asks = "asked " + " ".join(sorted(expect["asks"]))
    if found != asks:
        silent = 0 if isinstance(found, str) else len(found.lines)
        said = found if isinstance(found, str) else "lines"
        return Outcome("layouts", case["name"], holds=False, silent=silent, said=f"expected {asks}, found {said}")
    if "then" not in expect:
        return Outcome("layouts", case["name"], holds=True)
    answered = _read(raw, account, case.get("options", {}) | expect["answers"])
    return _same(case, answered, expect["then"], expect.get("rejected", []))


def _same(case: Case, found: Statement | str, lines: list[list[Any]], rejected: list[list[Any]]) -> Outcome:
    if isinstance(found, str):
        return Outcome("layouts", case["name"], holds=False, said=found)
    rows = found.lines.to_pylist()
    wrong = [
        f"line {number}: expected {line}, found {_shown(row, line)}"
        for number, (row, line) in enumerate(zip(rows, lines, strict=False), 1)
        if not _holds(row, line)
    ]
    silent = len(wrong) + max(0, len(rows) - len(lines))
    set_aside = [[one.line_number, one.reason.value] for one in found.rejected]
    if len(rows) != len(lines) or set_aside != rejected:
        wrong.append(f"{len(rows)} lines of {len(lines)}, set aside {set_aside}")
    return Outcome("layouts", case["name"], not wrong, silent, "; ".join(wrong))


def _holds(row: dict[str, Any], line: list[Any]) -> bool:
    return _shown(row, line) == _wanted(line)


def _wanted(line: list[Any]) -> list[Any]:
    booked_on, amount, description, *more = line
    others = {name: str(Decimal(value)) if name == "balance" else value for name, value in (more or [{}])[0].items()}
    return [booked_on, Decimal(amount), description, others]


def _shown(row: dict[str, Any], line: list[Any]) -> list[Any]:
    others = (line[3:] or [{}])[0]
    text = row["description"] if line[2] is not None else None
    return [str(row["booked_on"]), row["amount"], text, {name: _plain(row[name], others[name]) for name in others}]


def _plain(value: Any, wanted: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return str(Decimal(wanted)) if value == Decimal(wanted) else str(value)
    return str(value)


def _column(rows: list[tuple[str, ...]], account: Account, options: Options, asks: str, name: str) -> Any:
    """What became of each cell: the value, `refused`, or all of them `asked`."""
    table = io.StringIO()
    csv.writer(table, delimiter=";", lineterminator="\n").writerows([("Date", "Description", "Amount"), *rows])
    found = _read(table.getvalue().encode(), account, options.model_dump())
    if found == f"asked {asks}":
        return "asked"
    if isinstance(found, str):
        return [REFUSED] * len(rows) if found.startswith(REFUSED) else found
    values = dict(zip(found.lines["line_number"].to_pylist(), found.lines[name].to_pylist(), strict=True))
    return [str(values.get(number, REFUSED)) for number in range(2, len(rows) + 2)]


def _read(raw: bytes, account: Account, options: dict[str, Any]) -> Statement | str:
    try:
        [found] = statements(io.BytesIO(raw), "statement.csv", account, Options(**options))
    except NeedsAnswer as asking:
        return "asked " + " ".join(sorted(question.field for question in asking.questions))
    except Problem as refusal:
        return f"{REFUSED} {refusal.code}"
    return found


def _exact(cells: Any) -> Any:
    """Amounts as the shortest text of each, so that 12.5 and 12.50 are the same."""
    if not isinstance(cells, list):
        return cells
    return [cell if cell == REFUSED else f"{Decimal(cell).normalize() + 0:f}" for cell in cells]
