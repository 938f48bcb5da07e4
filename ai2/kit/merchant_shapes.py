"""Shapes of bank texts: what is left when digits (and letters of references) that no merchant rule reads are left open.

Rules of `ai2.kit.merchants` that read a digit, and so what a shape must keep: a day of the month beside `/` or `-`
(1 to 31, or not), a phone number's first digits before `-`, 1-800 before a letter, and `2co`. Every other rule
matches any digit alike; so two texts of one shape are treated alike, and their keys differ only where such a digit
stands in the key. A rule that reads a digit or part of a reference in another place has to be added here.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai2.kit.merchants import merchant_key

# What stands in a shape for any digit, for the digits of a day of the month, and for any letter.
_DIGIT, _DAY, _LETTER = "\x01", "\x02", "\x03"
_MARKS = f"[{_DIGIT}-{_LETTER}]"
# Two ways to fill a shape; both keep a day a day, and neither makes a 1, a 2, an 800 or a 1800.
_ONE = str.maketrans({_DIGIT: "9", _DAY: "2", _LETTER: "q"})
_OTHER = str.maketrans({_DIGIT: "8", _DAY: "1", _LETTER: "z"})
_FILLED_WITH = frozenset("92q")
# References as Amazon's 2K4B81XY3, MB1TW5TN0: eight characters or more after a space or one *, three digits or more.
_REFERENCE = re.compile(
    rf"(?:^|(?<=\s)(?<![$£€]\s)|(?<=[^x*]\*)|(?<=^\*))(?!cd|no|id|uk)[a-z]{{0,2}}{_DIGIT}[a-z{_DIGIT}]{{5,}}(?!\S)",
    re.IGNORECASE,
)
# Letters in them that may be read: of masked numbers, months, a plural's s, the company's "co entry".
_READ = re.compile(r"x|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|s$|co$", re.IGNORECASE)
_LETTERS = re.compile("[a-z]", re.IGNORECASE)

Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
_ZERO, _NINE, _HYPHEN, _SLASH, _SPACE = b"09-/ "


def key_of_shape(shape: str) -> str | None:
    """The merchant key of all texts of a shape; none where what the shape leaves open stands in it."""
    key = merchant_key(shape.translate(_ONE))
    filled = _FILLED_WITH.intersection(key)
    if not filled:
        return key
    is_of_the_text = not filled.isdisjoint(shape.casefold())  # else it can only be what filled the shape
    return key if is_of_the_text and merchant_key(shape.translate(_OTHER)) == key else None


def shapes(texts: pa.StringArray, shortest: int) -> pa.StringArray:
    """The shape of each text, numbers of fewer digits than `shortest` kept; null where a text holds the marks."""
    opened = _without_digits(pa.concat_arrays([texts]), shortest)
    return pc.if_else(pc.match_substring_regex(texts, _MARKS), None, opened)


def without_reference(shape: str) -> str:
    """The shape with the letters of references left open too."""
    return _REFERENCE.sub(_without_letters, shape) if shape.isascii() else shape


def _without_letters(found: re.Match[str]) -> str:
    text = found[0]
    if len(text) < 8 or text.count(_DIGIT) < 3 or _READ.search(text):
        return text
    return _LETTERS.sub(_LETTER, text)


def _without_digits(texts: pa.StringArray, shortest: int) -> pa.StringArray:
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return texts
    starts = np.frombuffer(offsets, np.int32)[: len(texts) + 1]
    characters = np.frombuffer(data, np.uint8)[: starts[-1]].copy()
    _open_digits(characters, starts, shortest)
    return pa.StringArray.from_buffers(len(texts), offsets, pa.py_buffer(characters))


def _open_digits(characters: Bytes, starts: npt.NDArray[np.int32], shortest: int) -> None:
    """Mark, in texts that lie one after the other, the digits of all numbers but those that a rule reads."""
    digit = _is_digit(characters)
    before, after = _neighbours(characters, starts)
    first, last = np.flatnonzero(digit & ~_is_digit(before)), np.flatnonzero(digit & ~_is_digit(after))
    length = last - first + 1
    numbers = _Numbers(length, before[first], after[last], *(characters[(first + n).clip(max=last)] for n in range(3)))
    marks = np.full(len(length), ord(_DIGIT), np.uint8)
    marks[numbers.are_days()] = ord(_DAY)
    marks[numbers.are_read() | (length < shortest)] = 0
    mark = np.repeat(marks, length)
    characters[digit] = np.where(mark, mark, characters[digit])


def _neighbours(characters: Bytes, starts: npt.NDArray[np.int32]) -> tuple[Bytes, Bytes]:
    """The byte before each, and the one after; a space where the text begins and ends."""
    before, after = np.roll(characters, 1), np.roll(characters, -1)
    begins = starts[starts < len(characters)]
    before[begins] = after[begins - 1] = _SPACE
    return before, after


@dataclass(frozen=True)
class _Numbers:
    """Runs of digits: how long, what stands beside them, and their first three digits."""

    length: npt.NDArray[np.int64]
    before: Bytes
    after: Bytes
    first: Bytes
    second: Bytes
    third: Bytes

    def are_days(self) -> Flags:
        """Whether they may be a day of the month in 3/4, 03-04."""
        value = (self.first - _ZERO) * 10 + self.second - _ZERO
        days: Flags = self._are_joined() & (self.length == 2) & (value >= 1) & (value <= 31)
        return days

    def are_read(self) -> Flags:
        """Whether a rule reads their digits, or may: beside other alphabets all sorts of digits can follow."""
        hyphen, letter = self.after == _HYPHEN, _is_letter(self.after)
        zero, one, two, eight = (self.first == ord(digit) for digit in "0128")
        eight_hundred = eight & (self.second == _ZERO) & (self.third == _ZERO)
        read_by_length = {
            1: (zero & self._are_joined()) | (one & hyphen) | (two & (self.after | 32 == ord("c"))),
            3: ((one | zero) & hyphen) | (eight_hundred & (hyphen | letter)),
            4: one & (hyphen | letter),
        }
        are_read = self.before | self.after >= 0x80
        for length, of_this_length in read_by_length.items():
            are_read |= (self.length == length) & of_this_length
        return are_read

    def _are_joined(self) -> Flags:
        return np.isin(self.before, (_HYPHEN, _SLASH)) | np.isin(self.after, (_HYPHEN, _SLASH))


def _is_digit(characters: Bytes) -> Flags:
    return (characters >= _ZERO) & (characters <= _NINE)


def _is_letter(characters: Bytes) -> Flags:
    lower: Bytes = characters | np.uint8(32)
    return (lower >= ord("a")) & (lower <= ord("z"))
