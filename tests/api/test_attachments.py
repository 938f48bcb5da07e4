"""Attachments over HTTP: kept as they came, once, encrypted; told by their bytes; and nobody else's."""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient, Response

from ai2.identity import erasure
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit import blobs
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from tests.api.asking import PersonIn

LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
PDF = b"%PDF-1.7\nreceipt of a lunch " + b"x" * 3000


def archive(*names: str, **contents: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, contents.get(name.replace(".", "_"), "x"))
    return made.getvalue()


def spoilt() -> bytes:
    """An archive whose deflated `mimetype` cannot be inflated."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet" * 9)
        file.writestr("content.xml", "x")
    whole = made.getvalue()
    begin = whole.index(b"mimetype") + len(b"mimetype")
    return whole[:begin] + b"\xff" * 12 + whole[begin + 12 :]


DOCX = archive("[Content_Types].xml", "word/document.xml")
ODS = archive("mimetype", "content.xml", mimetype="application/vnd.oasis.opendocument.spreadsheet")


async def attach(client: AsyncClient, transaction_id: str, content: bytes, name: str, **headers: str) -> Response:
    files = {"file": (name, content, "application/x-whatever")}
    return await client.post(f"/api/core/transactions/{transaction_id}/attachments", files=files, headers=headers)


async def book(client: AsyncClient) -> str:
    return str((await client.post("/api/core/transactions", json=LUNCH)).json()["transaction_id"])


@pytest.fixture
async def lunch(owner: AsyncClient) -> str:
    return await book(owner)


def stored(organization: Organization) -> list[str]:
    return blobs.names(f"attachments/{organization.organization_id}")


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PDF, "a.pdf", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n\x00", "a.PNG", "image/png"),
        (b"\xff\xd8\xff\xe0\x00", "photo.jpeg", "image/jpeg"),
        (b"GIF89a\x01", "a.gif", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "a.webp", "image/webp"),
        (b"\x00\x00\x00\x18ftypheic\x00", "IMG_1.HEIC", "image/heic"),
        (b"Two coffees, no tip; 3 < 4\n", "note.txt", "text/plain"),
        ("Tee für zwei".encode("cp1252"), "ohne ende", "text/plain"),
        (b"a;b\n1;2\n", "list.csv", "text/csv"),
        (DOCX, "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (
            archive("[Content_Types].xml", "xl/workbook.xml"),
            "a.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (ODS, "a.ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ],
)
async def test_comes_back_as_it_was_by_the_type_of_its_content(
    owner: AsyncClient, lunch: str, content: bytes, name: str, kind: str
) -> None:
    added = await attach(owner, lunch, content, name)
    assert added.status_code == 201, added.text
    assert (added.json()["media_type"], added.json()["size_bytes"]) == (kind, len(content))
    assert added.json()["sha256"] == hashlib.sha256(content).hexdigest()
    back = await owner.get(added.headers["Location"])
    assert back.content == content
    assert back.headers["Content-Type"].partition(";")[0] == kind
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    assert back.headers["Content-Disposition"].startswith("attachment; filename=")
    [listed] = (await owner.get(f"/api/core/transactions/{lunch}/attachments")).json()["items"]
    assert listed == added.json()


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"<html><script>alert(1)</script>", "a.html", 415),
        (b"<html><script>alert(1)</script>", "a.txt", 415),
        (b"hello <script>alert(1)</script>", "a.txt", 415),
        (b"\xef\xbb\xbf  <svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", 415),
        (b"MZ\x90\x00\x03", "invoice.pdf", 415),
        (b"\x7fELF\x02\x01\x01\x00", "a", 415),
        (b"#!/bin/sh\nrm -rf /\n", "a.txt", 415),
        (archive("a.txt"), "a.zip", 415),
        (archive("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"), "a.xlsx", 415),
        (b"PK\x03\x04 and nothing more", "a.docx", 415),
        (spoilt(), "a.ods", 415),
        (PDF, "a.png", 422),
        (PDF, "a.pdf.exe", 422),
        (b"alert(1)", "a.js", 422),
        (DOCX, "a.xlsx", 422),
        (b"", "a.pdf", 422),
    ],
)
async def test_refuses_what_could_run_and_what_is_named_as_something_else(
    owner: AsyncClient, organization: Organization, lunch: str, content: bytes, name: str, status: int
) -> None:
    refused = await attach(owner, lunch, content, name)
    assert (refused.status_code, stored(organization)) == (status, [])


@pytest.mark.parametrize(
    ("sent", "kept", "told"),
    [
        ("../../etc/Rechnung März.pdf", "Rechnung März.pdf", "filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf"),
        ("C:\\x\\a.pdf", "a.pdf", 'filename="a.pdf"'),
        ("fdp.\u202etxt.pdf", "fdp.txt.pdf", 'filename="fdp.txt.pdf"'),
        ("n" * 300 + ".pdf", "n" * 196 + ".pdf", "filename="),
        ("....pdf", "pdf", 'filename="pdf"'),
    ],
)
async def test_a_name_leads_nowhere_and_breaks_no_header(
    owner: AsyncClient, lunch: str, sent: str, kept: str, told: str
) -> None:
    added = await attach(owner, lunch, PDF, sent)
    assert added.json()["file_name"] == kept, added.text
    back = await owner.get(added.headers["Location"])
    assert told in back.headers["Content-Disposition"]


async def test_the_same_bytes_are_kept_once_encrypted_and_until_nothing_refers_to_them(
    owner: AsyncClient, organization: Organization, lunch: str
) -> None:
    dinner = await book(owner)
    first, again, other = [
        (await attach(owner, of, PDF, name)).json()
        for of, name in ((lunch, "a.pdf"), (lunch, "b.pdf"), (dinner, "c.pdf"))
    ]
    assert again == first
    assert (other["file_name"], other["sha256"]) == ("c.pdf", first["sha256"])
    [name] = stored(organization)
    path = Path(settings().blobs) / "attachments" / str(organization.organization_id) / name
    assert b"receipt of a lunch" not in path.read_bytes()
    for left, of, each in ((1, lunch, first), (0, dinner, other)):
        address = f"/api/core/transactions/{of}/attachments/{each['attachment_id']}"
        assert (await owner.delete(address)).status_code == 204
        assert (await owner.get(address)).status_code == 404
        assert len(stored(organization)) == left
    assert (await attach(owner, lunch, PDF, "a.pdf")).status_code == 201
    assert len(stored(organization)) == 1


async def test_adding_and_deleting_the_same_bytes_at_once_loses_none(owner: AsyncClient, lunch: str) -> None:
    async def come_and_go() -> str:
        of = await book(owner)
        for _ in range(4):
            added = (await attach(owner, of, PDF, "a.pdf")).json()
            address = f"/api/core/transactions/{of}/attachments/{added['attachment_id']}"
            assert (await owner.get(address)).content == PDF
            await owner.delete(address)
        return str((await attach(owner, of, PDF, "a.pdf")).headers["Location"])

    for address in await asyncio.gather(*(come_and_go() for _ in range(3))):
        assert (await owner.get(address)).content == PDF


async def test_is_no_larger_than_the_setting_says(
    owner: AsyncClient, lunch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "attachment_bytes", len(PDF))
    assert (await attach(owner, lunch, PDF, "a.pdf")).status_code == 201
    for more in (b"x", b"x" * 100_000):
        refused = await attach(owner, lunch, PDF + more, "a.pdf")
        assert (refused.status_code, refused.json()["code"]) == (413, "attachment_too_large")


async def test_a_retry_with_its_key_adds_once(owner: AsyncClient, lunch: str) -> None:
    key = {"Idempotency-Key": str(new_id())}
    first, again = [await attach(owner, lunch, PDF, "a.pdf", **key) for _ in range(2)]
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert (await attach(owner, lunch, PDF + b"x", "a.pdf", **key)).status_code == 422


async def test_is_not_found_beside_another_transaction_nor_once_that_is_deleted(owner: AsyncClient, lunch: str) -> None:
    dinner, added = await book(owner), (await attach(owner, lunch, PDF, "a.pdf")).json()
    for method in ("GET", "DELETE"):
        address = f"/api/core/transactions/{dinner}/attachments/{added['attachment_id']}"
        assert (await owner.request(method, address)).status_code == 404
    await owner.delete(f"/api/core/transactions/{lunch}")
    assert (await owner.get(f"/api/core/transactions/{lunch}/attachments")).status_code == 404
    assert (await attach(owner, lunch, PDF, "a.pdf")).status_code == 404


async def test_bytes_that_another_organization_has_give_nothing_away(
    owner: AsyncClient, their_owner: AsyncClient, organization: Organization, stranger: Organization, lunch: str
) -> None:
    theirs = (await attach(their_owner, await book(their_owner), PDF, "secret name.pdf")).json()
    ours = await attach(owner, lunch, PDF, "a.pdf")
    assert (ours.status_code, ours.json()["file_name"]) == (201, "a.pdf")
    fresh = await attach(owner, await book(owner), PDF + b"only ours", "b.pdf")
    assert fresh.json().keys() == ours.json().keys()
    [of_theirs] = stored(stranger)
    assert of_theirs in stored(organization)
    folder = Path(settings().blobs) / "attachments"
    copies = [folder / str(each.organization_id) / of_theirs for each in (organization, stranger)]
    assert copies[0].read_bytes() != copies[1].read_bytes()  # each by a key of its own
    assert (await owner.get(f"/api/core/transactions/{lunch}/attachments/{theirs['attachment_id']}")).status_code == 404


async def test_erasing_an_organization_leaves_neither_rows_nor_bytes(
    owner: AsyncClient,
    their_owner: AsyncClient,
    pipeline: Database,
    organization: Organization,
    stranger: Organization,
    lunch: str,
) -> None:
    await attach(owner, lunch, PDF, "a.pdf")
    await attach(their_owner, await book(their_owner), PDF, "a.pdf")
    done = await erasure.erase(pipeline, organization.organization_id, erased_by="test")
    assert (done.rows["books.attachments"], done.rows["books.attached_files"]) == (1, 1)
    assert (stored(organization), len(stored(stranger))) == ([], 1)
    async with pipeline.transaction() as db:
        query = "select from books.attached_files where organization_id = %(id)s"
        assert await rows(db, query, {"id": organization.organization_id}) == []


async def test_only_a_form_with_a_file_is_taken(owner: AsyncClient, lunch: str) -> None:
    address = f"/api/core/transactions/{lunch}/attachments"
    no_form: dict[str, Any] = {"json": {"file": "x"}}
    assert (await owner.post(address, **no_form)).status_code == 415
    assert (await owner.post(address, files={"other": ("a.pdf", PDF)})).status_code == 422
    more = {"data": {"note": "x"}, "files": {"file": ("a.pdf", PDF)}}
    assert (await owner.post(address, **more)).json()["errors"][0]["field"] == "note"  # type: ignore[arg-type]


async def test_what_is_added_and_taken_away_is_told(owner: AsyncClient, lunch: str) -> None:
    added = (await attach(owner, lunch, PDF, "a.pdf")).json()["attachment_id"]
    address = f"/api/core/transactions/{lunch}/attachments/{added}"
    assert [(await owner.delete(address)).status_code for _ in range(2)] == [204, 404]
    found = (await owner.get("/api/core/audit", params={"entity_id": lunch})).json()["items"]
    told = ["delete_attachment", "add_attachment", "create_transaction"]
    assert [each["operation"] for each in found] == told
    assert found[0]["details"]["attachment_id"] == added


@pytest.mark.parametrize(("is_removed", "status"), [(True, 401), (False, 201)])
async def test_who_is_removed_while_they_send_a_file_adds_nothing(
    owner: AsyncClient, person_in: PersonIn, organization: Organization, lunch: str, is_removed: bool, status: int
) -> None:
    bo = await person_in(organization, Role.ACCOUNTANT)

    async def slowly() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        if is_removed:
            assert (await owner.delete(f"/api/core/members/{bo.user_id}")).status_code == 204
        yield PDF + b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    address = f"/api/core/transactions/{lunch}/attachments"
    assert (await bo.client.post(address, content=slowly(), headers=headers)).status_code == status
    assert len((await owner.get(address)).json()["items"]) == (status == 201)
