"""Containers: gzip and zip by content, with limits that hold while they expand."""

import gzip
import io
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from ai2.ingest import problems
from ai2.ingest.containers import MAX_EXPANDED_BYTES, allowed_bytes, members
from ai2.ingest.lines import Account
from ai2.ingest.read import statements
from ai2.kit.errors import Problem, TooLarge
from ai2.kit.settings import Settings
from tests.ingest.reading import read

ROWS = b"Date,Description,Amount\n2024-01-13,Tea,-2.00\n2024-01-14,Bus,-1.00\n"


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


BOMB = b"2024-01-13,Tea,-2.00\n" * 3_000_000


def lying_zip() -> bytes:
    """A zip that says its 63 MB are 1 kB."""
    made = zipped(a=BOMB)
    return made.replace(len(BOMB).to_bytes(4, "little"), (1000).to_bytes(4, "little"))


class TestOpened:
    def test_gzip_whatever_its_name(self) -> None:
        assert len(read(gzip.compress(ROWS), name="statement.csv").lines) == 2

    def test_gzip_gives_its_inner_name(self) -> None:
        assert [member.name for member in members(io.BytesIO(gzip.compress(ROWS)), "a.csv.gz")] == ["a.csv"]

    def test_zip_of_one(self) -> None:
        assert len(read(zipped(**{"jan.csv": ROWS})).lines) == 2

    def test_zip_of_several_and_of_what_a_mac_adds(self) -> None:
        made = zipped(
            **{"2024/jan.csv": ROWS, "__MACOSX/._jan.csv": b"x", "2024/feb.csv": ROWS.replace(b"-01-", b"-02-")}
        )
        found = statements(io.BytesIO(made), "all.zip", Account("GBP"))
        assert [(one.file_name, len(one.lines)) for one in found] == [("jan.csv", 2), ("feb.csv", 2)]

    def test_a_decision_in_one_file_serves_the_next(self) -> None:
        clear = b"Date,Text,Amount\n13/01/2024,A,-1.00\n"
        made = zipped(**{"a.csv": clear, "b.csv": b"Date,Text,Amount\n03/02/2024,A,-1.00\n"})
        found = statements(io.BytesIO(made), "all.zip", Account("GBP"))
        assert [str(one.lines["booked_on"][0]) for one in found] == ["2024-01-13", "2024-02-03"]

    def test_as_much_as_may_be_uploaded(self, tmp_path: Path) -> None:
        large = tmp_path / "large.csv"
        with large.open("wb") as opened:
            opened.write(ROWS)
            opened.truncate(Settings().upload_bytes)
        with large.open("rb") as opened:
            assert [member.name for member in members(opened, "large.csv")] == ["large.csv"]

    @pytest.mark.parametrize(
        ("compressed_bytes", "most_bytes"),
        [(1, 16 << 20), (1_000_000, 250_000_000), (2_000_000, 300_000_000), (10_000_000, 600_000_000)],
    )
    def test_more_where_more_was_sent(self, compressed_bytes: int, most_bytes: int) -> None:
        assert allowed_bytes(compressed_bytes) == most_bytes
        assert allowed_bytes(50_000_000) == MAX_EXPANDED_BYTES


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (gzip.compress(ROWS)[:-9], problems.DamagedArchive),
            (gzip.compress(ROWS)[:12], problems.DamagedArchive),
            (zipped(a=ROWS)[:60], problems.DamagedArchive),
            (b"PK\x03\x04 and no more", problems.DamagedArchive),
            (gzip.compress(gzip.compress(ROWS)), problems.NestedArchive),
            (zipped(**{"a.zip": zipped(a=ROWS)}), problems.NestedArchive),
            (zipped(), problems.EmptyArchive),
            (zipped(**{"__MACOSX/a": ROWS}), problems.EmptyArchive),
            (zipped(**{f"{n}.csv": ROWS for n in range(300)}), problems.ExpandsTooMuch),
            (gzip.compress(BOMB), problems.ExpandsTooMuch),
            (zipped(a=BOMB), problems.ExpandsTooMuch),
            (gzip.compress(b"\0" * 20_000_000), problems.EmptyFile),
            (zipped(**{"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), problems.NoTransactions),
            (zipped(**{"a.csv": ROWS, "b.pdf": b"%PDF-1.7"}), problems.UnknownFormat),
        ],
    )
    def test_says_why(self, content: bytes, problem: type[Problem]) -> None:
        with pytest.raises(problem):
            read(content)

    def test_an_encrypted_zip(self) -> None:
        made = bytearray(zipped(a=ROWS))
        made[6] |= 1
        made[made.index(b"PK\x01\x02") + 8] |= 1
        with pytest.raises(problems.EncryptedArchive):
            read(bytes(made))

    def test_a_zip_that_lies_about_its_size_expands_no_further(self) -> None:
        with pytest.raises(problems.DamagedArchive):
            read(lying_zip())

    def test_a_bomb_takes_little_memory(self) -> None:
        packer = zlib.compressobj(wbits=31)
        bomb = b"".join(packer.compress(BOMB) for _ in range(20)) + packer.flush()
        tracemalloc.start()
        with pytest.raises(TooLarge):
            read(bomb)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < 50_000_000
