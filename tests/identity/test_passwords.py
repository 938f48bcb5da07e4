"""Passwords: what attackers try first is refused, and nothing else is; lists of any size are searched in place."""

import hashlib
import io
import random
import time
from pathlib import Path

import pytest

from ai2.identity.passwords import lists, rules
from ai2.identity.passwords.lists import BreachedListUnusable, last_not_after
from ai2.identity.passwords.rules import NOT_BREACHED, NOT_COMMON, NOT_YOURS, objection
from ai2.kit.errors import Invalid
from ai2.kit.settings import settings

ABOUT = ("ana.smith@brightbikes.example", "Ana Smith", "Bright Bikes Ltd")


@pytest.mark.parametrize(
    "password",
    ["password123", "PASSWORD123", "ｐａｓｓｗｏｒｄ123", "  password123  ", "P@ssw0rd2024!", "1234567890",
     "qwertyuiop", "0123456789", "9876543210", "abcdefghij", "monkeymonkey", "aaaaaaaaaaaa", "abcabcabcabc",
     "password123456", "!!iloveyou!!", "Summer2026!", "1q2w3e4r5t"],
)  # fmt: skip
def test_refuses_what_is_tried_first(password: str) -> None:
    assert objection(password, ABOUT) == NOT_COMMON


@pytest.mark.parametrize(
    "password",
    ["ana.smith@brightbikes.example", "AnaSmith2026", "smith-ana-smith", "brightbikes", "Bright Bikes 1",
     "ＡＮＡsmith!!", "ltd.brightbikes"],
)  # fmt: skip
def test_refuses_what_is_made_of_its_owner(password: str) -> None:
    assert objection(password, ABOUT) == NOT_YOURS
    assert objection(password, ("ben@else.example", "Ben", "Boats")) != NOT_YOURS, "the control: another owner"


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "correct horse battery staple", "ana likes boats and trains", "x7Kq-mmp2-zzTp",
     "Kd8#kfj2Lm", "пароль из пяти слов", "不是常用的密码因为很长", "password manager of mine"],
)  # fmt: skip
def test_lets_others_pass(password: str) -> None:
    assert objection(password, ABOUT) is None


@pytest.mark.parametrize(("length", "holds"), [(9, False), (10, True), (1000, True), (1001, False)])
def test_a_length_is_held_to(length: int, holds: bool) -> None:
    password = ("horse battery 7q " * 60)[: length - 1] + "x"
    assert (objection(password, ()) is None) == holds


def test_the_common_list_is_in_the_order_in_which_it_is_searched() -> None:
    lines = lists._common().splitlines()
    assert lines == sorted(set(lines))
    assert len(lines) > 50_000
    assert all(lists.is_common(line.decode()) for line in random.Random(7).sample(lines, 500))
    assert not lists.is_common("")


def test_the_longest_password_is_looked_at_in_no_time() -> None:
    started = time.perf_counter()
    for password in ("1" * 999 + "a", "ab1!" * 250, "é" * 1000, "x1" * 500):
        objection(password, [*ABOUT, "a b c " * 100])
    assert time.perf_counter() - started < 0.5


def test_bisection_finds_what_a_scan_finds() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for end in (b"\n", b"\r\n"):
        for number in (0, 1, 2, 3, 50):
            words = sorted({dice.randbytes(dice.randint(1, 6)).hex().encode() for _ in range(number)})
            file = io.BytesIO(b"".join(word + end for word in words))
            wanted = [*words, b"", b"z", *(dice.randbytes(3).hex().encode() for _ in range(50))]
            for word in wanted:
                assert last_not_after(file, word) == max((w for w in words if w <= word), default=b"")


def breached(path: Path, passwords: list[str], *, digits: int = 40, count: str = ":3", end: str = "\r\n") -> Path:
    """A file as Have I Been Pwned gives it out, of these passwords among a thousand others."""
    known = [*passwords, *map(str, range(1000))]
    digests = sorted(hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest().upper() for word in known)
    path.write_bytes("".join(digest[:digits] + count + end for digest in digests).encode())
    return path


@pytest.mark.parametrize(
    "form",
    [{}, {"count": ""}, {"end": "\n"}, {"digits": 16, "count": ""}, {"digits": 12}, {"count": ":10434004"}],
    ids=str,
)
async def test_a_breached_password_is_refused_and_another_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: dict[str, object]
) -> None:
    leaked = ["tr0ub4dor&3 leaked", "an old secret of somebody", "lower case leaked once"]
    file = breached(tmp_path / "pwned.txt", leaked, **form)  # type: ignore[arg-type]
    await rules.check(leaked[0])
    monkeypatch.setattr(settings(), "breached_passwords_file", file)
    for password in (*leaked, "Lower Case LEAKED once"):
        with pytest.raises(Invalid) as refused:
            await rules.check(password, field="new_password")
        assert [(error.field, error.message) for error in refused.value.errors] == [("new_password", NOT_BREACHED)]
    await rules.check("never seen by anybody")


async def test_a_lower_case_file_serves_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = breached(tmp_path / "pwned.txt", ["an old secret of somebody"])
    file.write_bytes(file.read_bytes().lower())
    monkeypatch.setattr(settings(), "breached_passwords_file", file)
    with pytest.raises(Invalid):
        await rules.check("an old secret of somebody")
    await rules.check("never seen by anybody")


@pytest.mark.parametrize("content", [None, b"", b"password\nsecret\n", b"\x00" * 5000])
async def test_a_list_that_cannot_be_used_lets_nothing_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    """Better no new password than one that nobody looked at."""
    file = tmp_path / "pwned.txt"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(settings(), "breached_passwords_file", file)
    with pytest.raises(BreachedListUnusable):
        await rules.check("correct horse battery")
