"""Remote files: those that match, are whole and are not taken yet; each comes whole or not at all."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from ai2.ingest.sources import remote_files
from ai2.ingest.sources.remote_files import FileTooLarge, RemoteFile, TooManyFiles, wanted
from tests.connections.sessions import brought, session

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def file(name: str, *, minutes_old: float = 10, size: int = 3, version: str | None = None) -> RemoteFile:
    return RemoteFile(name, size, NOW - timedelta(minutes=minutes_old), version)


def read(_: RemoteFile) -> Iterator[bytes]:
    yield b"a"
    yield b"bc"


@pytest.mark.parametrize(
    ("settings", "files", "due"),
    [
        ({}, [file("b", minutes_old=5), file("a", minutes_old=3), file("c", minutes_old=9)], ["c", "b", "a"]),
        ({}, [file("still written", minutes_old=0.5), file("a")], ["a"]),
        ({}, [file("by a clock that is ahead", minutes_old=-5)], []),
        ({}, [file("empty", size=0)], []),
        ({"pattern": "*.csv"}, [file("a.csv"), file("a.CSV"), file("a.csv.tmp")], ["a.csv"]),
        # a marker says it, however young the file is; the marker itself is no file
        ({"done_marker": ".done"}, [file("a", minutes_old=0), file("a.done"), file("b")], ["a"]),
        ({"done_marker": ".done"}, [file("a.done"), file("a.done.done")], []),
    ],
)
def test_what_matches_and_is_whole_is_due(settings: dict[str, str], files: list[RemoteFile], due: list[str]) -> None:
    assert [each.name for each in wanted(files, settings, {}, now=NOW)] == due


def test_a_file_is_taken_once_and_again_where_it_changed() -> None:
    files = [file("a"), file("b")]
    documents, cursor = brought(remote_files.pages(session({}), files, read))
    assert [(each.name, each.content, each.kind) for each in documents] == [
        ("a", b"abc", "file"),
        ("b", b"abc", "file"),
    ]
    assert brought(remote_files.pages(session({}, cursor=cursor), files, read)) == ([], None)
    changed = [file("a", minutes_old=4), file("c")]
    documents, cursor = brought(remote_files.pages(session({}, cursor=cursor), changed, read))
    assert [each.name for each in documents] == ["c", "a"]
    assert cursor is not None
    assert set(cursor["taken"]) == {"a", "c"}  # what is gone is forgotten


def test_a_file_that_changed_while_it_was_read_waits() -> None:
    longer = file("a", size=4)
    assert brought(remote_files.pages(session({}), [longer], read)) == ([], None)


def test_a_backfill_takes_what_was_written_since() -> None:
    files = [file("old", minutes_old=3 * 24 * 60), file("new")]
    assert [each.name for each in wanted(files, {}, {}, since=date(2026, 3, 5), now=NOW)] == ["new"]


def test_a_file_that_is_too_large_is_told_of_after_all_others_were_taken() -> None:
    files = [file("large", minutes_old=90, size=remote_files.LARGEST_BYTES + 1), file("a")]
    pages = remote_files.pages(session({}), files, read)
    taken = []
    with pytest.raises(FileTooLarge, match="large"):
        taken.extend(page.documents for page in pages)
    assert [document.name for documents in taken for document in documents] == ["a"]


def test_a_folder_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless() -> Iterator[RemoteFile]:
        while True:
            yield file("a")

    with pytest.raises(TooManyFiles):
        next(remote_files.pages(session({}), endless(), read))


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", ".hidden", "a\0.csv"])
def test_a_name_that_is_none_is_passed_over(name: str) -> None:
    assert brought(remote_files.pages(session({}), [file(name)], read)) == ([], None)
