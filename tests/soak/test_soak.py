"""Soak: no file, however broken, crashes a parser, hangs it, or makes rows vanish.

`make test` spends a moment on each format, `make soak` ten minutes (SOAK_SECONDS). A find is kept in tests/soak/seeds
and read again by every later run; commit it together with what mends it.
"""

import os
import secrets
from pathlib import Path

import pytest

from tests.soak import hunting
from tests.soak.targets import TARGETS

SECONDS = float(os.environ.get("SOAK_SECONDS", "1"))
# A change is judged by the same files as the one before it; `make soak` draws others each time.
SEED = int(os.environ.get("SOAK_SEED") or (secrets.randbits(32) if "SOAK_SECONDS" in os.environ else 20261123))


class TestSoak:
    @pytest.mark.timeout(SECONDS * 2 + 300)
    @pytest.mark.parametrize("name", TARGETS)
    def test_nothing_makes_it_stumble(self, name: str) -> None:
        print(f"{name}: SOAK_SEED={SEED}", end=" ", flush=True)
        files = hunting.hunt(name, seconds=SECONDS, seed=SEED)
        print(f"{files} files")
        assert files

    @pytest.mark.parametrize("name", TARGETS)
    def test_begins_with_files_that_are_read(self, name: str) -> None:
        for content in TARGETS[name].seeds:
            hunting.read(content)

    @pytest.mark.parametrize("path", hunting.kept(), ids=lambda path: f"{path.parent.name}/{path.name}")
    def test_what_once_did_does_no_more(self, path: Path) -> None:
        with hunting.in_time():
            hunting.read(path.read_bytes())


class TestHunting:
    def test_finds_what_is_there_and_keeps_the_smallest(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def stumble(content: bytes) -> None:
            if b"\xff" in content:
                raise KeyError

        monkeypatch.setattr(hunting, "read", stumble)
        monkeypatch.setattr(hunting, "SEEDS", tmp_path)
        with pytest.raises(KeyError):
            hunting.hunt("qif", seconds=60, seed=1)
        assert [b"\xff" in path.read_bytes() for path in hunting.kept()] == [True]

    def test_ends_what_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hunting, "SLOWEST_S", 0.1)
        with pytest.raises(hunting.Slow), hunting.in_time():
            hang()


def hang() -> None:
    while True:
        pass
