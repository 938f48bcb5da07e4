"""Our client against Plaid's own description, served by Prism, which refuses what is not described: `make prism`.

It takes a minute, most of it to install Prism and to read the description. The other tests hold each question and
answer to the same description, without Prism.
"""

import gzip
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from ai2.ingest.sources.model import Session
from ai2.ingest.sources.plaid import SOURCE, problems, webhooks
from ai2.ingest.sources.plaid.keys import Keys
from ai2.kit.settings import settings
from tests import node_packages
from tests.connections.fakes import plaid_described
from tests.node_packages import NotInstalled

HERE = Path(__file__).parent / "prism"
pytestmark = [
    pytest.mark.skipif("AI2_PRISM" not in os.environ, reason="make prism runs it"),
    pytest.mark.timeout(900),
]


def installed() -> Path:
    """Prism; skips where it cannot be had."""
    try:
        folder = node_packages.installed("prism", HERE, patience_s=400)
    except NotInstalled as why:
        pytest.skip(f"Prism cannot be installed: {why}")
    return folder / "node_modules/@stoplight/prism-cli/dist/index.js"


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Prism answers as Plaid describes itself."""
    folder = plaid_described.contracts()
    if folder is None:
        pytest.skip("no contracts beside AI2_TEST_DATA")
    spec = tmp_path_factory.mktemp("prism") / "plaid.yml"
    spec.write_bytes(gzip.decompress((folder / "plaid-openapi.yml.gz").read_bytes()))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command: list[str | Path] = [
        node_packages.node() / "bin/node",
        installed(),
        "mock",
        "-p",
        str(port),
        "--errors",
        spec,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[Any], port: int) -> None:
    for _ in range(600):
        assert process.poll() is None, "Prism ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise TimeoutError("Prism does not come up")


@pytest.fixture
def session(prism: str, monkeypatch: pytest.MonkeyPatch) -> Session:
    known = settings()
    monkeypatch.setattr(known, "plaid_client_id", "client")
    monkeypatch.setattr(known, "plaid_secret", SecretStr("secret"))
    monkeypatch.setattr(known, "plaid_url", prism)
    monkeypatch.setattr(known, "public_url", "https://books.example.com")
    kept = {"access_token": "access", "item_id": "item", "user": "user", "link_token": "link", "repairs": False}
    return Session(settings={}, credentials=kept, cursor=None, pace=lambda *_: None, keep=lambda _: None)


@pytest.mark.parametrize("token", [None, "access"], ids=["a new Item", "update mode"])
def test_a_link_is_asked_for_as_described(session: Session, token: str | None) -> None:
    """Plaid's example of an answer has no page of its own to consent at, which is all that we miss."""
    with pytest.raises(problems.NoPageToConsentAt):
        SOURCE.connect(replace(session, credentials={"access_token": token} if token else {}))


@pytest.mark.parametrize("answer", [{}, {"public_token": "public"}], ids=["the link is asked", "the browser tells"])
def test_what_came_of_a_link_is_taken(session: Session, answer: dict[str, str]) -> None:
    made = SOURCE.finish(session, answer)  # type: ignore[misc]
    assert made.credentials["access_token"].startswith("access-sandbox-")
    assert made.external_id
    assert made.accounts


def test_rows_are_read_as_described(session: Session) -> None:
    page = next(iter(SOURCE.pages(session)))
    assert page.cursor
    assert {account.currency for account in page.accounts} == {"USD"}
    assert sum(len(document.content) for document in page.documents) > 1000


def test_days_are_asked_for_as_described(session: Session) -> None:
    page = next(iter(SOURCE.pages(replace(session, since=date(2026, 1, 1), until=date(2026, 2, 1)))))
    assert page.documents


def test_a_webhooks_key_is_read_as_described(session: Session) -> None:
    assert Keys(webhooks._key).get("bfbd5111-8e33-4643-8ced-b2e642a72f3c").algorithm_name == "ES256"


def test_an_item_is_removed_as_described(session: Session) -> None:
    SOURCE.disconnect(session)  # type: ignore[misc]


def test_what_is_not_described_is_refused(prism: str) -> None:
    headers = {"PLAID-CLIENT-ID": "client", "PLAID-SECRET": "secret", "Plaid-Version": "2020-09-14"}
    asked = {"access_token": "access", "count": 500}
    answers = [httpx2.post(f"{prism}/transactions/sync", json={**asked, **more}, headers=headers)
               for more in ({}, {"count": 501})]  # fmt: skip
    assert [answer.is_success for answer in answers] == [True, False]
