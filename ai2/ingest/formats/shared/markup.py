"""Markup: XML taken apart piece by piece, in bounded memory. A document type, an entity or an inclusion ends it.

Expat reports a document type before anything of the content, and reports nothing more once a handler refuses.
"""

import codecs
import re
from collections.abc import Iterator
from typing import NoReturn, Protocol
from xml.parsers import expat  # what is unsafe in it is refused below

from ai2.ingest import encodings
from ai2.ingest.containers import Member
from ai2.ingest.problems import BrokenMarkup, UnsafeMarkup

PIECE_BYTES = 1 << 18
# A tag, comment or instruction that is longer is an attack: expat reads it anew with every piece.
LONGEST_TOKEN_BYTES = 1 << 20
LONGEST_EXCERPT_BYTES = 1 << 14
INCLUSION = b"http://www.w3.org/2001/XInclude"
_DECLARED = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


# How UTF-16 begins, with its mark or with a tag.
_MARKS = (
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    ("<".encode("utf-16-le"), "utf-16-le"),
    ("<".encode("utf-16-be"), "utf-16-be"),
)


class Reader(Protocol):
    """What is told of the content, in its order. Names are as written, with their prefixes."""

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        """A tag."""

    def closed(self, name: str, /) -> None:
        """Its closing tag."""

    def text(self, text: str, /) -> None:
        """Text between tags, perhaps not all of it."""


class Walk:
    """One pass over a file. While a reader is told of a tag, `line` and `place` say where that stands."""

    def __init__(self, member: Member, said: str | None = None) -> None:
        """`said` is a person's word on the file's encoding, where it is not Unicode."""
        self._member, self._said = member, said
        self._parser = expat.ParserCreate("utf-8")
        self._lines_before = 0
        # the piece being read, how many bytes stand before it, and what is kept of the earlier ones
        self._piece, self._base = b"", 0
        self._kept, self._kept_from = b"", -1

    @property
    def line(self) -> int:
        return self._parser.CurrentLineNumber + self._lines_before

    @property
    def place(self) -> int:
        """How many bytes stand before the tag."""
        return self._parser.CurrentByteIndex

    def hold(self) -> None:
        """Keep the text from this tag on, for `excerpt`."""
        self._kept, self._kept_from = b"", self.place

    def excerpt(self) -> str:
        """The text from the tag that was held to this closing one, as it came; the beginning of it where it is long."""
        end = self._piece.find(b">", max(self.place - self._base, 0)) + 1
        begin = self._kept_from - self._base
        found = self._piece[begin:end] if begin >= 0 else self._kept + self._piece[:end]
        return found[:LONGEST_EXCERPT_BYTES].decode("utf-8", "replace")

    def run(self, reader: Reader) -> int:
        """Read all of it; how many lines there are. Raises UnsafeMarkup, BrokenMarkup and what the reader raises."""
        for _ in self.steps(reader):
            pass
        return self.line

    def steps(self, reader: Reader) -> Iterator[None]:
        """Read it piece by piece, for whoever takes what the reader has found in between."""
        parser = self._parser
        parser.buffer_text, parser.buffer_size = True, 1 << 16
        parser.StartElementHandler, parser.EndElementHandler = reader.opened, reader.closed
        parser.CharacterDataHandler = reader.text
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = _refuse
        try:
            for piece in self._pieces():
                self._feed(piece)
                yield
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise BrokenMarkup from error
        yield

    def _feed(self, piece: bytes) -> None:
        if INCLUSION in self._piece[-len(INCLUSION) :] + piece:
            raise UnsafeMarkup
        self._keep()
        self._base += len(self._piece)
        self._piece = piece
        self._parser.Parse(piece, False)
        if self._base + len(piece) - max(self.place, 0) > LONGEST_TOKEN_BYTES:
            raise BrokenMarkup

    def _keep(self) -> None:
        """What the excerpt needs of the piece that is about to be left."""
        if self._kept_from >= 0 and len(self._kept) < LONGEST_EXCERPT_BYTES:
            begin = max(self._kept_from - self._base, 0)
            self._kept += self._piece[begin : begin + LONGEST_EXCERPT_BYTES]

    def _pieces(self) -> Iterator[bytes]:
        """The file in UTF-8, without what stands before its first tag."""
        decoder = codecs.getincrementaldecoder(_encoding(self._member, self._said))("replace")
        begun = False
        with self._member.open() as opened:
            while piece := opened.read(PIECE_BYTES):
                text = decoder.decode(piece)
                if not begun:
                    plain = text.lstrip("\ufeff\0 \t\r\n")
                    self._lines_before += text[: len(text) - len(plain)].count("\n")
                    text, begun = plain, bool(plain)
                if text:
                    yield text.encode("utf-8", "replace")


def _encoding(member: Member, said: str | None) -> str:
    """Unicode where it is that, whatever it declares; else what a person says, it declares, or it looks like."""
    with member.open() as opened:
        head = opened.read(200)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if _is_utf8(member):
        return "utf-8"
    declared = _DECLARED.match(head)
    name = said or (declared[1].decode() if declared else "")
    try:
        if not codecs.lookup(name).name.startswith("utf"):
            return name
    except LookupError:
        pass
    with member.open() as opened:
        return encodings.examine(opened, one_line=True, usual="cp1252").encoding


def _is_utf8(member: Member) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with member.open() as opened:
        try:
            while piece := opened.read(PIECE_BYTES):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _refuse(*_: object) -> NoReturn:
    raise UnsafeMarkup
