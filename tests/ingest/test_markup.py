"""Markup that attacks is refused unread; each attack is one: a reader that allows it falls for it."""

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ai2.ingest.containers import Member
from ai2.ingest.formats import camt
from ai2.ingest.formats.shared import markup
from ai2.ingest.layout.model import Options
from ai2.ingest.lines import Account
from ai2.ingest.problems import UnsafeMarkup
from tests.ingest.reading import read
from tests.ingest.test_camt import camt as written
from tests.ingest.test_camt import detail, entry, statement

SECRET = "this must never be seen"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
ATTACKS = {
    "internal": (f'<!DOCTYPE Document [<!ENTITY x "{SECRET}">]>', "&x;"),
    "laughs": (f'<!DOCTYPE Document [<!ENTITY l0 "ha">{LAUGHS}]>', "&l8;"),
    "external": ('<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///SECRET">]>', "&x;"),
    "parameter": ('<!DOCTYPE Document [<!ENTITY % p SYSTEM "file:///SECRET"> %p;]>', "x"),
    "external subset": ('<!DOCTYPE Document SYSTEM "file:///SECRET">', "x"),
    "public": ('<!DOCTYPE Document PUBLIC "-//ANY" "https://host.invalid/a.dtd">', "x"),
    "inclusion": ("", '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///SECRET" parse="text"/>'),
}


def attack(name: str) -> str:
    before, inside = ATTACKS[name]
    return written(statement(entry(details=detail(text="HERE"))), before=before).replace("HERE", inside)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", ATTACKS)
def test_is_refused(name: str, encoding: str) -> None:
    with pytest.raises(UnsafeMarkup):
        read(attack(name).replace("UTF-8", encoding.upper()).encode(encoding))


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "inclusion"])
def test_is_refused_with_nothing_read(name: str) -> None:
    """A document type stands before all content, and ends the reading there."""
    told: list[str] = []

    class Listener:
        def opened(self, name: str, attributes: dict[str, str], /) -> None:
            told.append(name)

        closed = text = told.append

    content = attack(name).encode()
    with pytest.raises(UnsafeMarkup):
        markup.Walk(Member("a.xml", lambda: io.BytesIO(content))).run(Listener())
    assert told == []


def test_the_attacks_are_attacks(tmp_path: Path) -> None:
    """The positive control: a parser without our refusal takes the entity's text for the bank's."""
    parsed = ElementTree.fromstring(attack("internal"))  # noqa: S314
    assert SECRET in "".join(parsed.itertext())
    (tmp_path / "secret").write_text(SECRET)
    from xml.etree import ElementInclude

    included = attack("inclusion").replace("file:///SECRET", str(tmp_path / "secret"))
    tree = ElementTree.fromstring(included)  # noqa: S314
    ElementInclude.include(tree)
    assert SECRET in "".join(tree.itertext())


def test_the_same_file_without_the_attack_is_read() -> None:
    assert len(read(written(statement(entry(details=detail(text="x"))))).lines) == 1


def test_a_document_type_is_refused_however_far_the_content() -> None:
    padded = attack("internal").replace("<!DOCTYPE", f"<!--{'x' * 600_000}--><!DOCTYPE")
    with pytest.raises(UnsafeMarkup):
        camt.read(Member("a.xml", lambda: io.BytesIO(padded.encode())), Account("GBP"), Options())
