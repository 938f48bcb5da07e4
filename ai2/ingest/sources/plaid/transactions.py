"""Transactions: everything that was added, changed and taken back since the cursor, or once more the days of a time."""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from ai2.ingest.sources.model import Document, Page, Session
from ai2.ingest.sources.plaid import answers
from ai2.ingest.sources.plaid.accounts import remote_accounts
from ai2.ingest.sources.plaid.answers import Answer, Row
from ai2.ingest.sources.plaid.client import Client
from ai2.ingest.sources.plaid.item import Item, item_of
from ai2.ingest.sources.plaid.problems import AnswerNotUnderstood, ChangedMeanwhile, Mutated, of_item

# As many as Plaid gives at once.
COUNT = 500
# Rows of pages that only add are put together: one large batch is far cheaper than many small ones.
TOGETHER = 10_000
RESTARTS = 5
# A new Item's first rows are there after some seconds, and nobody tells where webhooks cannot reach us.
WAITS_S = (1, 2, 4, 8, 10)
KINDS = ("added", "modified", "removed")
OPTIONS = {"include_original_description": True}


def pages(session: Session) -> Iterator[Page]:
    """Pages up to what the bank has now; the last has the cursor."""
    client, token = Client(session.pace, session.credentials["item_id"]), session.credentials["access_token"]
    item = item_of(client, token)
    if session.since:
        yield from _once_more(client, token, session.since, session.until or datetime.now(UTC).date())
        return
    # an Item that replaced another has cursors of its own
    known = session.cursor or {}
    begin = str(known.get("next", "")) if known.get("item_id") == item.item_id else ""
    yield from _from(client, token, begin, item)
    if problem := of_item(item.error):  # what Plaid had of it is taken, and it gets no more
        raise problem


def _from(client: Client, token: str, begin: str, item: Item) -> Iterator[Page]:
    for restart in range(RESTARTS + 1):
        try:
            yield from _since(client, token, begin, item.item_id, item.consent_expires_at, restarts=restart > 0)
            return
        except Mutated:
            continue
    raise ChangedMeanwhile


def _since(
    client: Client, token: str, cursor: str, item_id: str, expires_at: datetime | None, *, restarts: bool
) -> Iterator[Page]:
    """Every page behind a cursor. Raises Mutated where they changed between two of them."""
    waiting: dict[str, list[Row]] = {}
    for answer in _answers(client, token, cursor):
        page = {kind: answer.rows.get(kind, []) for kind in KINDS}
        is_last = not answer.rest["has_more"]
        whole = page["modified"] or page["removed"]
        documents: list[Document] = []
        if whole:
            documents += _documents(waiting) + _documents(page)
            waiting = {}
        else:
            waiting = {"added": [*waiting.get("added", []), *page["added"]]}
            if is_last or len(waiting["added"]) >= TOGETHER:
                documents += _documents(waiting)
                waiting = {}
        yield Page(
            documents=tuple(documents),
            accounts=remote_accounts(answer.rest["accounts"]),
            cursor={"item_id": item_id, "next": answer.rest["next_cursor"]} if is_last else None,
            restarts=restarts,
            consent_expires_at=expires_at,
        )
        restarts = False


def _answers(client: Client, token: str, cursor: str) -> Iterator[Answer]:
    waits = iter(WAITS_S if not cursor else ())
    while True:
        after = {"cursor": cursor} if cursor else {}
        content = client.ask("transactions_sync", access_token=token, count=COUNT, options=OPTIONS, **after)
        answer = _checked(answers.read(content), next_cursor=str, has_more=bool, accounts=list)
        if answer.rest.get("transactions_update_status") == "NOT_READY" and (wait_s := next(waits, None)):
            time.sleep(wait_s)
            continue
        yield answer
        if not answer.rest["has_more"]:
            return
        cursor = answer.rest["next_cursor"]


def _once_more(client: Client, token: str, since: date, until: date) -> Iterator[Page]:
    """The rows of these days, which may well be here already. Where they change between two pages, from the first."""
    for restart in range(RESTARTS + 1):
        found: list[Row] = []
        total = None
        while total is None or len(found) < total:
            content = client.ask(
                "transactions_get", access_token=token, start_date=since, end_date=until,
                options={"count": COUNT, "offset": len(found), **OPTIONS},
            )  # fmt: skip
            answer = _checked(answers.read(content), total_transactions=int, accounts=list)
            rows = answer.rows.get("transactions", [])
            told = answer.rest["total_transactions"]
            if (total is not None and told != total) or (not rows and len(found) < told):
                break
            total = told
            found += rows
        else:
            accounts = remote_accounts(answer.rest["accounts"])
            yield Page(tuple(_documents({"added": found})), accounts=accounts, cursor={}, restarts=restart > 0)
            return
    raise ChangedMeanwhile


def _checked(answer: Answer, **kinds: type) -> Answer:
    if not all(isinstance(answer.rest.get(name), kind) for name, kind in kinds.items()):
        raise AnswerNotUnderstood
    return answer


def _documents(rows: Mapping[str, Iterable[Row]]) -> list[Document]:
    """A document for each account, of its rows as Plaid wrote them."""
    of: dict[str, dict[str, list[str]]] = {}
    for kind, found in rows.items():
        for row in found:
            of.setdefault(row.account_key, {name: [] for name in KINDS})[kind].append(row.text)
    return [Document(f"plaid-{key[:40]}.json", _written(lists), account_key=key) for key, lists in of.items()]


def _written(lists: Mapping[str, Any]) -> bytes:
    members = (f'"{kind}":[{",".join(texts)}]' for kind, texts in lists.items())
    return f"{{{','.join(members)}}}".encode()
