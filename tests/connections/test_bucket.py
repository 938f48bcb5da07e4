"""Buckets: objects below a prefix come whole, each once; requests are signed as Amazon's documentation has it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ai2.ingest.sources.asking import AddressNotAllowed, AnswerNotUnderstood, ProviderDown
from ai2.ingest.sources.bucket import fetching, signing
from ai2.ingest.sources.bucket.signing import Keys
from ai2.ingest.sources.problems import CredentialsRefused
from ai2.ingest.sources.remote_files import FolderNotThere
from tests.connections.fakes.s3 import Store
from tests.connections.sessions import brought, session

KEYS = {"access_key": "AKID", "secret_key": "s3cret"}


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as made:
        made.objects = {
            "in/march.csv": b"march", "in/april ü+1.csv": b"april", "in/may.csv": b"may", "in/notes.txt": b"notes",
            "in/older/feb.csv": b"feb", "in/": b"", "other.csv": b"other",
        }  # fmt: skip
        yield made


def wanted(store: Store, **changes: Any) -> dict[str, Any]:
    return {
        "endpoint": store.url, "bucket": "tills", "region": "eu-west-1", "prefix": "in", "pattern": "*.csv", **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("url", "headers", "signature"),
    [
        ("https://examplebucket.s3.amazonaws.com/test.txt", {"Range": "bytes=0-9"},
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("https://examplebucket.s3.amazonaws.com/?lifecycle=", {},
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", {},
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)  # fmt: skip
def test_signs_as_the_examples_that_amazon_publishes(url: str, headers: dict[str, str], signature: str) -> None:
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
    made = signing.signed(url, headers, keys, datetime(2013, 5, 24, tzinfo=UTC))
    assert made["authorization"].endswith(f"Signature={signature}")


def test_objects_below_the_prefix_are_taken_once(store: Store) -> None:
    here = session(wanted(store), KEYS)
    fetching.connect(here)
    documents, cursor = brought(fetching.pages(here))
    assert {each.name: each.content for each in documents} == {
        "march.csv": b"march", "april ü+1.csv": b"april", "may.csv": b"may",
    }  # fmt: skip
    store.objects["in/may.csv"] = b"may, corrected"
    documents, _ = brought(fetching.pages(session(wanted(store), KEYS, cursor)))
    assert [(each.name, each.content) for each in documents] == [("may.csv", b"may, corrected")]


def test_a_large_object_comes_in_pieces_of_one_version(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PIECE_BYTES", 10)
    whole = bytes(range(95))
    store.objects = {"in/large.csv": whole}
    store.faults = []
    (document,), _ = brought(fetching.pages(session(wanted(store), KEYS)))
    assert document.content == whole
    # it is another one in the middle: this run leaves it, the next has it
    seen = []

    def replace() -> None:
        seen.append(1)
        if len(seen) == 4:
            store.objects["in/large.csv"] = whole[::-1]

    store.before_get = replace
    documents, cursor = brought(fetching.pages(session(wanted(store), KEYS)))
    assert (documents, cursor) == ([], None)
    (document,), _ = brought(fetching.pages(session(wanted(store), KEYS)))
    assert document.content == whole[::-1]


def test_a_store_that_stumbles_is_asked_again_and_one_that_is_down_later(store: Store) -> None:
    pages = fetching.pages(session(wanted(store), KEYS))
    store.objects = {"in/a.csv": b"a"}

    def answer(request: Any) -> Any:
        return store._answer(request) if "list-type" in request.query else (500, {}, b"")

    store.answer = answer
    with pytest.raises(ProviderDown):
        brought(pages)


def test_a_public_bucket_needs_no_keys(store: Store) -> None:
    store.keys = None
    assert len(brought(fetching.pages(session(wanted(store))))[0]) == 3
    assert "authorization" not in store.asked[0].headers


def test_what_the_store_refuses_is_told_in_our_words(store: Store) -> None:
    with pytest.raises(CredentialsRefused) as refused:
        fetching.connect(session(wanted(store), {**KEYS, "secret_key": "canary-99"}))
    assert "canary" not in repr(refused.value) + str(vars(refused.value))
    with pytest.raises(FolderNotThere):
        fetching.connect(session(wanted(store, bucket="nobodys"), KEYS))
    with pytest.raises(AddressNotAllowed):
        fetching.connect(session(wanted(store), KEYS, allows_private=False))


@pytest.mark.parametrize(
    "said",
    [
        b"", b"<html/>", b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><ListBucketResult>&a;</ListBucketResult>',
    ],
)  # fmt: skip
def test_an_answer_that_is_no_listing_is_told(store: Store, said: bytes) -> None:
    store.answer = lambda _: (200, {}, said)
    with pytest.raises(AnswerNotUnderstood):
        fetching.connect(session(wanted(store), KEYS))


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"bucket": "tills"}, "https://tills.s3.us-east-1.amazonaws.com/"),
        ({"bucket": "my.tills", "region": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com/my.tills/"),
        ({"bucket": "tills", "endpoint": "https://storage.googleapis.com"}, "https://storage.googleapis.com/tills/"),
    ],
)
def test_each_store_has_its_address(settings: dict[str, str], url: str) -> None:
    assert fetching._bucket_url(session(settings)) == url
