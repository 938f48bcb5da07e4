"""What belongs to somebody: card numbers and IBANs of a statement stand in the books, and in no log and no error."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from httpx import AsyncClient

from ai2.books.transactions import imports
from ai2.identity.organizations import Organization
from ai2.ingest import service
from ai2.kit import logs
from ai2.kit.database import Connection, Database
from ai2.kit.settings import settings

CARD, CARD_WRITTEN, IBAN = "4111111111111111", "5555 5555 5555 4444", "DE89 3704 0044 0532 0130 00"
SECRETS = (CARD, CARD_WRITTEN, IBAN, "370400440532")
STATEMENT = f"""Date,Description,Amount
2026-03-02,CARD {CARD},-850.00
2026-03-03,REFUND TO {CARD_WRITTEN},20.00
2026-03-04,SEPA {IBAN},-5.00
2026-13-05,CARD {CARD} BAD ROW,-1.00
"""


# 14.000 may be fourteen or fourteen thousand.
ASKING = f"Date,Description,Amount\n01/02/2026,CARD {CARD},-14.000\n02/03/2026,SEPA {IBAN},-1.500\n"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("core-app", "debug", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logs.configure("test")
    root.handlers[:] = handlers


async def send(owner: AsyncClient, text: str = STATEMENT, **options: str) -> tuple[int, str]:
    sent = {"file": (f"statement-{CARD}.csv", text.encode(), "text/csv")}
    answer = await owner.post("/api/core/csv-import", files=sent, data={"account_name": "Current", **options})
    return answer.status_code, answer.text


def nothing_of_it(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text]


async def test_the_books_keep_what_the_logs_must_not(owner: AsyncClient, written: io.StringIO) -> None:
    status, _ = await send(owner)
    assert status == 201
    listed = (await owner.get("/api/core/transactions")).json()["items"]
    assert {row["description"] for row in listed} == {f"CARD {CARD}", f"REFUND TO {CARD_WRITTEN}", f"SEPA {IBAN}"}
    assert "request" in written.getvalue()
    nothing_of_it(written.getvalue())


@pytest.mark.parametrize("kind", ["ours", "the database's"])
async def test_a_crash_in_the_middle_tells_its_way_and_nothing_else(
    owner: AsyncClient, written: io.StringIO, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def crash(db: Connection, *_: object) -> int:
        if kind == "ours":
            raise RuntimeError(f"cannot write CARD {CARD} {IBAN}")
        await db.execute(
            f"do $$ begin raise exception 'row of {CARD}' using detail = 'Key ({IBAN}) exists'; end $$"  # type: ignore[arg-type]
        )
        return 0

    monkeypatch.setattr(imports, "insert_staged", crash)
    status, answer = await send(owner)
    assert status == 500
    nothing_of_it(answer)
    nothing_of_it(written.getvalue())
    [line] = [json.loads(line) for line in written.getvalue().splitlines() if "request failed" in line]
    assert "batches.py" in line["context"]["exception"]
    kinds = {"ours": "RuntimeError", "the database's": "RaiseException (P0001)"}
    assert line["context"]["exception"].endswith(kinds[kind])


async def test_an_exceptions_own_words_would_have_told_it(written: io.StringIO) -> None:
    """The positive control: the same error, told as Python tells it, holds the number."""
    with pytest.raises(ValueError, match=CARD) as control:
        raise ValueError(f"no such card: {CARD}") from KeyError(IBAN)
    logs.logger().error("broke", exc_info=control.value)
    assert "ValueError" in written.getvalue()
    assert "KeyError" in written.getvalue()
    nothing_of_it(written.getvalue())


async def test_library_lines_are_masked_too(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("could not send %s to %s", CARD_WRITTEN, IBAN)
    assert "could not send ****4444 to DE****3000" in written.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        {"date": "2026-03-02", "amount": f"{CARD}.123", "currency": "GBP", "description": CARD},
        {"date": f"{CARD}", "amount": "1", "currency": IBAN, "description": "x"},
        {"date": "2026-03-02", "amount": "1", "currency": "GBP", "description": "x", CARD_WRITTEN: IBAN},
        {"date": "2026-03-02", "amount": "1", "currency": "GBP", "description": "x", "attributes": {CARD: {"a": 1}}},
        {"date": "2026-03-02", "amount": "1", "currency": "GBP", "description": "x", "category": f"none {IBAN}"},
    ],
)
async def test_a_refusal_does_not_repeat_it(owner: AsyncClient, written: io.StringIO, body: dict[str, object]) -> None:
    answer = await owner.post("/api/core/transactions", json=body)
    assert answer.status_code in {404, 422}
    nothing_of_it(answer.text)
    nothing_of_it(written.getvalue())


async def test_a_question_about_a_file_shows_examples_without_it(owner: AsyncClient, written: io.StringIO) -> None:
    status, answer = await send(owner, ASKING)
    assert (status, json.loads(answer)["code"]) == (422, "needs_answer")
    assert "CARD ****1111" in answer, "people still see which column it is"
    nothing_of_it(answer)
    nothing_of_it(written.getvalue())


async def test_what_is_kept_of_a_failed_import_is_masked(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    await send(owner)
    [account] = (await owner.get("/api/core/accounts")).json()["items"]
    whose = organization.organization_id
    async with database.transaction(whose) as db:
        file = io.BytesIO(ASKING.encode())
        given = {"account_id": UUID(account["account_id"]), "file": file, "file_name": "x.csv"}
        batch_id = await service.receive(db, organization_id=whose, **given)
        with pytest.raises(service.NeedsAnswer) as asked:
            async with db.transaction():
                await service.run(db, whose, batch_id)
        assert CARD in str(asked.value.extra), "the question itself shows the file's cells"
        await service.fail(db, whose, batch_id, asked.value)
    kept = await owner.get(f"/api/core/imports/{batch_id}")
    assert kept.json()["status"] == "needs_answer"
    nothing_of_it(kept.text)


async def test_the_databases_own_log_says_nothing_of_rows(database: Database) -> None:
    log = Path(settings().home) / "postgres.log"
    with pytest.raises(Exception, match=CARD):
        async with database.transaction() as db:
            await db.execute("select cast(%s as date)", [f"CARD {CARD}"])
    nothing_of_it(log.read_text())
