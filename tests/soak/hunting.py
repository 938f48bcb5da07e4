"""Hunting: files that make a parser stumble, by changing valid ones a little, again and again.

A file is read, asks, or is refused with a Problem. Anything else is a find: another exception, a row that vanished,
or more time than any small file may take. A smaller file that still does it is looked for, and kept.
"""

import hashlib
import io
import signal
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from ai2.ingest.layout.model import Options
from ai2.ingest.lines import LINES, Account
from ai2.ingest.read import statements
from ai2.kit.errors import Problem
from tests.ingest import writing
from tests.soak.targets import SEEDS, TARGETS, Target

# Of the processor, for a file of some kilobytes; real ones of that size take hundredths.
SLOWEST_S = 10.0
SHRINK_S = 20.0
ANSWERS = Options(date_order="dmy", decimal_mark=".", positive_is="in")
WORDS = (
    b"\0", b"\n", b"\r\n", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc3", b" ", b",", b"-", b"9" * 60, b"0", b"/",
    "\u2028".encode(), "٣".encode(), "−".encode(), b"\x1a", b"A" * 5000, b"99999999", b"1970-01-01", b"2024-02-30",
)  # fmt: skip


NEVER_NULL = [field.name for field in LINES if not field.nullable]


class Slow(Exception):
    """It took longer than any file of its size may."""


def read(content: bytes) -> None:
    """Read a file in every way that a person could; what is no Problem comes through."""
    for kind, options in (("bank", Options()), ("card", ANSWERS)):
        try:
            found = statements(io.BytesIO(content), "statement", Account("GBP", kind), options)
        except Problem:
            continue
        for statement in found:
            others = [row.line_number for row in (*statement.rejected, *statement.named)]
            numbers = [*statement.lines["line_number"].to_pylist(), *others]
            assert statement.rows_in == len(set(numbers))
            assert not any(statement.lines[name].null_count for name in NEVER_NULL)


@contextmanager
def in_time() -> Any:
    """Ends what takes too long, at the next step of Python."""

    def end(*_: object) -> None:
        raise Slow

    former = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, SLOWEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def changed(content: bytes, words: tuple[bytes, ...], chance: Random) -> bytes:
    """A file with up to eight changes: parts left out, doubled, moved, overwritten, or cut off; words put in."""
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(content))
        to = min(len(content), at + chance.choice((1, 4, 16, 64)))
        put = chance.choice([*words, *WORDS])
        match chance.randrange(7):
            case 0:
                content = content[:at] + content[to:]
            case 1:
                content = content[:to] + content[at:to] * chance.randint(1, 40) + content[to:]
            case 2:
                content = content[:at] + chance.randbytes(chance.randint(1, 8)) + content[to:]
            case 3:
                content = content[:at] + put + content[at:]
            case 4:
                content = content[:at] + put + content[to:]
            case 5:
                elsewhere = chance.randint(0, len(content))
                content = content[:elsewhere] + content[at:to] + content[elsewhere:]
            case _:
                content = content[:at] if chance.random() < 0.5 else content[at:]
    return content


def file_of(target: Target, chance: Random) -> bytes:
    """A changed file; of a zip mostly one part is, and it is packed anew."""
    if target.parts and chance.random() < 0.8:
        parts = dict(chance.choice(target.parts))
        name = chance.choice([name for name in parts if not name.endswith("theme1.xml")])
        content = parts[name]
        raw = content.encode() if isinstance(content, str) else content
        return writing.packed({**parts, name: changed(raw, target.words, chance)}, method=zipfile.ZIP_STORED)
    return changed(chance.choice(target.seeds), target.words, chance)


def hunt(name: str, *, seconds: float, seed: int) -> int:
    """Read changed files of a format for so long; how many there were. What makes it stumble is kept."""
    until = time.monotonic() + seconds
    target, count = TARGETS[name], 0
    while time.monotonic() < until:
        for content in _some(target, seed):
            try:
                with in_time():
                    read(content)
            except Exception as error:
                path = keep(name, smallest(content, type(error)))
                error.add_note(f"SOAK_SEED={seed} {name}: kept as {path}")
                raise
            count += 1
            if time.monotonic() > until:
                break
        seed += 1
    return count


def _some(target: Target, seed: int) -> list[bytes]:
    """A few changed files, the same for the same seed. Hypothesis only draws; a parser takes longer than a change."""
    found: list[bytes] = []

    @seeded(seed)
    @settings(max_examples=50, deadline=None, database=None, phases=(Phase.generate,))
    @given(st.integers(0, (1 << 62) - 1))
    def one(number: int) -> None:
        found.append(file_of(target, Random(number)))

    one()
    return found


def smallest(content: bytes, failure: type[BaseException]) -> bytes:
    """A part of the file that fails in the same way, as small as some seconds allow."""
    until, size = time.monotonic() + SHRINK_S, len(content) // 2
    while size and time.monotonic() < until:
        at = 0
        while at < len(content) and time.monotonic() < until:
            shorter = content[:at] + content[at + size :]
            if _fails(shorter, failure):
                content = shorter
            else:
                at += size
        size //= 2
    return content


def _fails(content: bytes, failure: type[BaseException]) -> bool:
    try:
        with in_time():
            read(content)
    except failure:
        return True
    except Exception:  # noqa: BLE001 - it stumbles over something else
        return False
    return False


def keep(name: str, content: bytes) -> Path:
    folder = SEEDS / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(content).hexdigest()[:12]
    path.write_bytes(content)
    return path


def kept() -> list[Path]:
    return sorted(path for path in SEEDS.rglob("*") if path.is_file() and not path.suffix)
