"""Documents of strangers: whatever is in them, reading ends in time, raises nothing, and the next one is read."""

import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai2.kit.answering import Answering
from ai2.receipts.extraction import documents, reading
from tests import seeds
from tests.receipts import invoices, standards
from tests.receipts.test_standards import IT

# What takes longer than its share of work is killed; beside other work that is longer by the clock.
SECONDS = 3 * reading.PATIENCE_S
N = 300_000
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE: dict[str, bytes] = {
    "lessthan": b"<html>" + b"<" * N,
    "comments": b"<html>" + b"<!--" * N,
    "declarations": b"<html>" + b"<![CDATA[" * N,
    "end tags": b"<html>" + b"</" * N,
    "attributes": b"<html><a " + b"a=' " * N,
    "tables": b"<html>" + b"<table><tr><td>" * 90_000,
    "wide tables": b"<html><table>" + b"<tr><td colspan=99999999>x<td colspan=50>y" * 20_000,
    "items": b"<html>" + b"<b itemscope itemprop=a>" * 390 + b"x" * N,
    "lists": b'<script type="application/ld+json">' + b"[" * N + b"</script>",
    "deep XML": b"<Invoice>" + b"<a>" * N,
    "laughing XML": f"<!DOCTYPE a [<!ENTITY a0 'ha'>{LAUGHS}]><Invoice>&a9;</Invoice>".encode(),
    "names": b"\n".join(b"Aaa Bbb Ccc Ddd Eee Fff Ggg " * 30 for _ in range(300)),
    "amounts": b"\n".join(b"Total 12.34 EUR  " * 60 for _ in range(300)),
    "addresses": b"\n".join(b"www.a%d.com b%d GmbH Inv%d Ltd." % (n, n, n) for n in range(1_000)),
    "dates": b"\n".join(b"01/02/2020 " * 90 for _ in range(300)),
}


def pdf_of(stream: bytes, pages: int = 1) -> bytes:
    """A PDF whose pages all show one stream."""
    kids = " ".join(f"{n + 3} 0 R" for n in range(pages))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R >>" % (pages + 3)
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode()]
    objects += [page] * pages
    objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream))
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, each) for n, each in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer << /Root 1 0 R >>\n%%EOF"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A reader that has less patience, and ends with the test."""
    reader = Answering(reading.__name__, patience_s=4, environment=reading.ENVIRONMENT)
    monkeypatch.setattr(reading, "READER", reader)
    yield
    if reader._process:
        reader._process.kill()
        reader._process.wait()


class TestHostileDocuments:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_reading_ends(self, name: str) -> None:
        started = time.monotonic()
        reading.read(HOSTILE[name], "text/html" if b"<html>" in HOSTILE[name] else "", "")
        assert time.monotonic() - started < SECONDS

    @pytest.mark.usefixtures("hasty")
    def test_a_pdf_that_expands_is_given_up_and_the_next_one_read(self) -> None:
        bomb = pdf_of(zlib.compress(b"q " * 4_000_000), pages=200)
        assert len(bomb) < 50_000
        assert reading.read(bomb, "application/pdf", "bomb.pdf") is None
        found = reading.read(standards.cii(IT), "application/xml", "a.xml")
        assert found
        assert found.form == "cii"

    def test_a_reader_that_is_killed_is_started_anew(self) -> None:
        assert reading.read(standards.ubl(IT), "application/xml", "a.xml")
        process = reading.READER._process
        assert process
        process.kill()
        process.wait()
        assert reading.read(standards.ubl(IT), "application/xml", "a.xml")

    def test_the_reader_knows_no_secret(self) -> None:
        assert "AI2_HOME" in os.environ
        assert reading.read(standards.ubl(IT), "application/xml", "a.xml")
        process = reading.READER._process
        assert process
        known = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        assert {each.partition(b"=")[0] for each in known if each} <= {b"PATH", b"HOME", b"LANG", b"PYTHONPATH"}

    @settings(max_examples=150, deadline=None)
    @given(
        st.binary(max_size=400), st.sampled_from(["", "text/html", "application/pdf", "application/json", "text/plain"])
    )
    def test_any_bytes_are_read_or_not_and_never_raise(self, content: bytes, media_type: str) -> None:
        documents.read(content, media_type, "a")

    @pytest.mark.parametrize("seed", seeds.seeds("damaged documents", 12))
    def test_a_damaged_document_never_raises(self, seed: int) -> None:
        random = Random(seed)
        one = invoices.write(random)
        whole = [
            *(invoices.bytes_of(one, medium)[0] for medium in ("text", "html", "pdf")),
            standards.ubl(IT),
            standards.page(IT),
        ]
        for content in whole:
            damaged = bytearray(content)
            for _ in range(8):
                damaged[random.randrange(len(damaged))] = random.randrange(256)
            documents.read(bytes(damaged), "", "")
            documents.read(content[: random.randrange(len(content))], "", "")

    @pytest.mark.parametrize(
        "content", [b"", b"\0" * 1000, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, b"PK\x03\x04" + b"\0" * 99]
    )
    def test_what_is_no_document_is_none(self, content: bytes) -> None:
        assert reading.read(content, "image/png", "logo.png") is None
