"""Gzip as a stream, member after member, with an eye on how much comes out of how little.

Python's own reader would walk through millions of empty members in one call, and learns of a bomb only when all of
it has been read.
"""

import io
import zlib
from typing import BinaryIO, cast

from ai2.ingest.problems import DamagedArchive, ExpandsTooMuch

PIECE_BYTES = 1 << 16
MAGIC = b"\x1f\x8b"
# Compressors that work in parallel write blocks of 64 kB; members that hold next to nothing are there to cost time.
FREE_MEMBERS, LEAST_MEMBER_BYTES = 1000, 512


class Gunzip(io.RawIOBase):
    """What a gzip holds. Raises DamagedArchive, and ExpandsTooMuch beyond its `ratio`, if it is over `free_bytes`."""

    def __init__(self, source: BinaryIO, *, ratio: int, free_bytes: int) -> None:
        self._source, self._ratio, self._free_bytes = source, ratio, free_bytes
        self._decompressor = zlib.decompressobj(wbits=31)
        self._waiting = b""
        self._read_bytes = self._given_bytes = self._members = 0
        self._is_done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        piece = b""
        while not piece and not self._is_done and view:
            piece = self._next(len(view))
        self._given_bytes += len(piece)
        if self._given_bytes > max(self._read_bytes * self._ratio, self._free_bytes):
            raise ExpandsTooMuch
        view[: len(piece)] = piece
        return len(piece)

    def _next(self, most: int) -> bytes:
        """What a little more of the file gives, perhaps nothing yet."""
        if not self._waiting:
            self._waiting = self._source.read(PIECE_BYTES)
            self._read_bytes += len(self._waiting)
        if self._decompressor.eof:
            self._go_on()
            return b""
        try:
            found = self._decompressor.decompress(self._waiting, most)
        except zlib.error as error:
            raise DamagedArchive from error
        if not self._waiting and not found and not self._decompressor.eof:
            raise DamagedArchive  # cut off
        self._waiting = self._decompressor.unused_data or self._decompressor.unconsumed_tail
        return found

    def _go_on(self) -> None:
        """Behind a member comes another one, zeros that pad the file, or its end; anything else is damage."""
        if not self._waiting:
            self._is_done = True
            return
        self._waiting = self._waiting.lstrip(b"\0")
        if not self._waiting:
            return
        self._members += 1
        is_idle = self._given_bytes < self._members * LEAST_MEMBER_BYTES
        if self._waiting[:1] != MAGIC[:1] or (self._members > FREE_MEMBERS and is_idle):
            raise DamagedArchive
        self._decompressor = zlib.decompressobj(wbits=31)
