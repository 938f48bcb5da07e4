"""Reading a text as a statement file, for tests that need no database."""

import io
from decimal import Decimal
from typing import Any

import pytest

from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.lines import Account, Statement
from ai2.ingest.problems import NeedsAnswer
from ai2.ingest.read import statements


def read(
    content: str | bytes,
    *,
    currency: str = "GBP",
    kind: str = "bank",
    number: str | None = None,
    saved: tuple[Layout, ...] = (),
    name: str = "statement.csv",
    said_currency: str | None = None,
    **options: Any,
) -> Statement:
    """The one statement in a file; `currency` is the account's, `said_currency` the person's option."""
    raw = content.encode() if isinstance(content, str) else content
    said = Options(currency=said_currency, **options)
    [found] = statements(io.BytesIO(raw), name, Account(currency, kind, number), said, saved)
    return found


def read_as(raw: bytes, account: Account, options: Options) -> Statement:
    """The one statement in these bytes."""
    [found] = statements(io.BytesIO(raw), "statement.csv", account, options)
    return found


def lines(statement: Statement) -> list[tuple[str, str, str]]:
    """Date, amount and description of each line."""
    return [
        (str(line["booked_on"]), f"{line['amount'].normalize():f}", line["description"])
        for line in statement.lines.to_pylist()
    ]


def amounts(statement: Statement) -> list[Decimal]:
    return list(statement.lines["amount"].to_pylist())


def reasons(statement: Statement) -> list[tuple[int, str]]:
    """Line number and reason of each rejected row."""
    return [(rejected.line_number, rejected.reason.value) for rejected in statement.rejected]


def asked(content: str | bytes, **keywords: Any) -> set[str]:
    """The fields that a file's questions name."""
    with pytest.raises(NeedsAnswer) as refusal:
        read(content, **keywords)
    return {question.field for question in refusal.value.questions}
