"""Bombs: refused in 2 s within 200 MB, measured in a process of their own; each beside a harmless file of its kind.

The assertions allow five times the time, for tests share the machine. What was measured is printed (`pytest -s`).
"""

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from datetime import date

import pytest

from tests.ingest import writing

SECONDS, GROWTH_BYTES = 10.0, 200_000_000
ROWS = b"Date,Description,Amount\n" + b"".join(b"2024-01-%02d,Tea %d,-2.00\n" % (n % 28 + 1, n) for n in range(500))
# One process for all: each file's own peak, counted from what the process held before (Linux).
MEASURE = """
import json, sys, time
from pathlib import Path
from ai2.ingest.lines import Account
from ai2.ingest.read import statements
from ai2.kit.errors import Problem

def held_bytes(name):
    return int(Path("/proc/self/status").read_text().split(name)[1].split()[0]) * 1024

def measured(path):
    Path("/proc/self/clear_refs").write_text("5")
    before, started = held_bytes("VmRSS:"), time.process_time()
    try:
        with path.open("rb") as source:
            outcome = str(sum(len(one.lines) for one in statements(source, path.name, Account("GBP"))))
    except Problem as problem:
        outcome = problem.code
    return outcome, time.process_time() - started, held_bytes("VmHWM:") - before

print(json.dumps({path.name: measured(path) for path in sorted(Path(sys.argv[1]).iterdir())}))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float, int]]:
    """What became of each file, in how many seconds and bytes."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, make in {**HARMLESS, **{name: make for name, (make, _) in BOMBS.items()}}.items():
        (folder / name).write_bytes(make())
    done = subprocess.run([sys.executable, "-c", MEASURE, folder], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    return {name: tuple(found) for name, found in json.loads(done.stdout).items()}


def zipped(files: dict[str, bytes], **keywords: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", keywords.get("method", zipfile.ZIP_DEFLATED)) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


LINE = b"2024-01-13,Tea,-2.00\n"
MEGABYTE = LINE * ((1 << 20) // len(LINE))


def long_gzip(megabytes: int) -> bytes:
    """So many megabytes of the same row, packed without ever having them."""
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(MEGABYTE) for _ in range(megabytes)) + packer.flush()


def long_zip(megabytes: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as entry:
        for _ in range(megabytes):
            entry.write(MEGABYTE)
    return made.getvalue()


def overlapping() -> bytes:
    """A hundred names for the same bytes, as in the better known bombs."""
    made = zipped({"a.csv": b"\n".join([ROWS] * 20)})
    directory = made.index(b"PK\x01\x02")
    end = made.index(b"PK\x05\x06")
    entry = made[directory:end]
    record = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 100, 100, len(entry) * 100, directory, 0)
    return made[:directory] + entry * 100 + record


def long_directory() -> bytes:
    """An archive that lists a million files, and holds none."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    listed = entry * 1_000_000
    record = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(listed), 4, 0)
    return b"PK\x03\x04" + listed + record


def lying() -> bytes:
    """A zip that says its 63 MB are 1 kB."""
    content = b"2024-01-13,Tea,-2.00\n" * 3_000_000
    return zipped({"a.csv": content}).replace(len(content).to_bytes(4, "little"), (1000).to_bytes(4, "little"))


def slipping(name: str) -> bytes:
    """zipfile cleans names while it writes, so the name is put in afterwards."""
    plain = "x" * len(name)
    return zipped({plain: ROWS}).replace(plain.encode(), name.encode())


def linking() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("statement.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return made.getvalue()


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(10)
) + "]>"  # fmt: skip
ODS_CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'


def texts_bomb() -> bytes:
    """A workbook whose shared texts are 80 MB of next to nothing."""
    return writing.packed(writing.xlsx_parts("", texts="<x:si><x:t>a</x:t></x:si>" * 3_000_000))


def laughing(name: str) -> bytes:
    parts = writing.xlsx_parts("<x:row/>")
    return writing.packed({**parts, name: f"{LAUGHS}<sst><si><t>&k;</t></si></sst>"})


def repeating() -> bytes:
    """A spreadsheet that says once what it has a million times."""
    row = f'<table:table-row table:number-rows-repeated="1048576">{ODS_CELL.format("a")}</table:table-row>'
    return writing.ods_of(f"<table:table>{row}</table:table>")


def table() -> writing.Rows:
    return [("Date", "Description", "Amount"), *((date(2024, 1, n % 28 + 1), f"Tea {n}", -2) for n in range(500))]


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "gzip of 400 MB": (lambda: long_gzip(400), "expands_too_much"),
    "zip of 400 MB": (lambda: long_zip(400), "expands_too_much"),
    "zip of many": (lambda: zipped({f"{n}.csv": ROWS for n in range(1000)}), "expands_too_much"),
    "a million empty gzips": (lambda: gzip.compress(b"") * 1_000_000, "damaged_archive"),
    "a million gzips of a letter": (lambda: gzip.compress(b"\n") * 1_000_000, "damaged_archive"),
    "gzip in gzip": (lambda: gzip.compress(long_gzip(64)), "nested_archive"),
    "zip in zip": (lambda: zipped({"a.zip": long_zip(64)}), "nested_archive"),
    "gzip and garbage": (lambda: gzip.compress(ROWS) + b"garbage" * 1000, "damaged_archive"),
    "overlapping entries": (overlapping, "expands_too_much"),
    "a long list": (long_directory, "expands_too_much"),
    "a lying header": (lying, "damaged_archive"),
    "lzma": (lambda: zipped({"a.csv": bytes(1 << 26)}, method=zipfile.ZIP_LZMA), "unusual_archive"),
    "bzip2": (lambda: zipped({"a.csv": bytes(1 << 26)}, method=zipfile.ZIP_BZIP2), "unusual_archive"),
    "path traversal": (lambda: slipping("../../etc/cron.d/a.csv"), "unsafe_archive"),
    "an absolute path": (lambda: slipping("/etc/cron.d/a.csv"), "unsafe_archive"),
    "a drive letter": (lambda: slipping("C:\\Windows\\a.csv"), "unsafe_archive"),
    "a back slash": (lambda: slipping("..\\..\\a.csv"), "unsafe_archive"),
    "a link": (linking, "unsafe_archive"),
    "a workbook of texts": (texts_bomb, "expands_too_much"),
    "a workbook that laughs": (lambda: laughing("xl/sharedStrings.xml"), "unsafe_markup"),
    "a sheet that laughs": (lambda: laughing("xl/worksheets/data.xml"), "unsafe_markup"),
    "a spreadsheet that laughs": (lambda: writing.ods_of("&k;", prolog=LAUGHS), "unsafe_markup"),
    "a spreadsheet that repeats": (repeating, "expands_too_much"),
    "wide rows": (
        lambda: writing.packed(writing.xlsx_parts('<x:row><x:c r="XFD1"><x:v>1</x:v></x:c></x:row>' * 1000)),
        "too_many_columns",
    ),
    "deep JSON": (lambda: b'{"a":' * 2_000_000, "broken_json"),
    "a number of a million digits": (
        lambda: b'{"date": "2024-01-01", "amount": ' + b"9" * 1_000_000 + b"}",
        "needs_answer",
    ),
}
HARMLESS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: ROWS,
    "gzip": lambda: gzip.compress(ROWS),
    "gzip of two": lambda: gzip.compress(ROWS[:5000]) + gzip.compress(ROWS[5000:]),
    "gzip that is padded": lambda: gzip.compress(ROWS) + bytes(512),
    "gzip in blocks": lambda: b"".join(gzip.compress(ROWS[at : at + 1000]) for at in range(0, len(ROWS), 1000)),
    "zip": lambda: zipped({"2024/jan.csv": ROWS}),
    "zip, stored": lambda: zipped({"jan.csv": ROWS}, method=zipfile.ZIP_STORED),
    "zip with dots": lambda: zipped({"a..b/jan...csv": ROWS}),
    "xlsx": lambda: writing.xlsx(table()),
    "ods": lambda: writing.ods(table()),
    "zip of xlsx": lambda: zipped({"jan.xlsx": writing.xlsx(table())}),
    "gzip of ods": lambda: gzip.compress(writing.ods(table())),
    "zip by Windows": lambda: slipping("2024\\jan.csv"),
}


class TestBombs:
    @pytest.mark.parametrize("name", BOMBS)
    def test_is_refused_at_once_and_in_little_memory(
        self, name: str, measured: dict[str, tuple[str, float, int]]
    ) -> None:
        outcome, elapsed_s, growth_bytes = measured[name]
        print(f"{name}: {outcome} in {elapsed_s:.3f} s and {growth_bytes / 1e6:.1f} MB")
        assert outcome == BOMBS[name][1]
        assert elapsed_s < SECONDS
        assert growth_bytes < GROWTH_BYTES

    @pytest.mark.parametrize("name", HARMLESS)
    def test_what_is_harmless_is_read(self, name: str, measured: dict[str, tuple[str, float, int]]) -> None:
        assert measured[name][0] == "500"
