"""Encodings: which one a file's bytes are in, decided over the whole file, in one pass and bounded memory.

UTF-8 proves itself: text in another encoding is practically never valid UTF-8. Other Latin text is in the encoding
that leaves the fewest signs among letters, makes the most words of known headers, and then the letters of one
language; other scripts are left to charset-normalizer, which needs more text than a Latin statement often has.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ai2.ingest.layout import words
from ai2.ingest.problems import EmptyFile, FileTooLarge, LineTooLong, NotText

PIECE_BYTES = 1 << 20
MAX_LINES = 3_000_000
SAMPLE_BYTES = 1 << 18
TELLING_BYTES = 1 << 16
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The letters beyond ASCII of each language that an encoding is used for; of equals the first encoding is taken.
_WESTERN = "äöüß åäöé æøåé éèêëàâçîïôûùœ áéíñóúü áâãàçéêíóôõú àèéìíòóù éëïöüèáóç"
_CENTRAL = "áčďéěíňóřšťúůýž áäčďéíĺľňóôŕšťúýž ąćęłńóśźż áéíóöőúüű ăâîşţșț čćđšž"
LATIN = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1257": "ąčęėįšųūž āčēģīķļņšūž äöõüšž",
    "cp1254": "çğıi̇öşü",
    "cp850": _WESTERN,
    "cp852": _CENTRAL,
}
LEGACY = (*LATIN, "cp1251", "cp1253", "euc_jp", "shift_jis", "gb18030")
SIGNS_IN_TEXT = "€£§°–\u0307"
# In Latin text few letters lie beyond ASCII; in other scripts most do.
DENSE_SHARE, FEWEST = 0.5, 6
# Words of up to so many letters come about by chance.
SHORT_WORD = 3
BINARY = (b"%PDF", b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"SQLite", b"\x7fELF")
MOST_CONTROL_SHARE = 0.02
ASCII = bytes(range(128))
CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13, 26})


@dataclass(frozen=True)
class Text:
    """How the bytes read as text. `ends_whole` is false where the last line has no line end.

    `lines` is null where lines end in different ways, or hold bytes that no text has; `is_proven` says that every
    byte is text in this encoding.
    """

    encoding: str
    ends_whole: bool
    lines: int | None = None
    is_proven: bool = False


def examine(source: BinaryIO, *, one_line: bool = False, usual: str | None = None) -> Text:
    """The encoding of the whole file. `usual` is taken where nothing speaks for another.

    Raises EmptyFile, FileTooLarge, NotText and, unless the format allows `one_line`, LineTooLong.
    """
    sample = source.read(SAMPLE_BYTES)
    if not sample.strip(b"\0\r\n\t \xef\xbb\xbf"):
        raise EmptyFile
    encoding = _marked(sample) or _unmarked_utf16(sample)
    if encoding is None:
        _refuse_binary(sample)
    scan = _Scan(one_line=one_line or encoding is not None)
    for piece in _pieces(sample, source):
        scan.add(piece)
    if encoding is None:
        encoding = "utf-8" if scan.is_utf8() else _legacy(bytes(scan.telling), usual)
    ends_whole = scan.last in (b"\n", b"\r", b"\0", b"\x1a")
    proven = encoding in ("utf-8", "utf-8-sig") and scan.is_utf8()
    return Text(encoding, ends_whole, scan.lines(ends_whole=ends_whole), proven)


class _Scan:
    """What only the whole file can say, taken up piece by piece."""

    def __init__(self, *, one_line: bool) -> None:
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self._one_line = one_line
        self.last = b""
        self._feeds = self._returns = self._oddities = 0
        # Lines with a letter beyond ASCII: the others say nothing of the encoding.
        self.telling = bytearray()

    def add(self, piece: bytes) -> None:
        self.last = piece[-1:]
        self._feeds += piece.count(b"\n")
        self._returns += piece.count(b"\r")
        if self._feeds > MAX_LINES:
            raise FileTooLarge
        self._oddities += piece.count(b"\0") + piece.count(b"\x1a")
        if not self._one_line and len(piece) == PIECE_BYTES and not (b"\n" in piece or b"\r" in piece):
            raise LineTooLong
        if piece.isascii():
            return
        if len(self.telling) < TELLING_BYTES:
            self.telling += b"\n".join(line for line in piece.splitlines() if not line.isascii())[:TELLING_BYTES]
        if self._decoder is not None:
            try:
                self._decoder.decode(piece)
            except UnicodeDecodeError:
                self._decoder = None

    def lines(self, *, ends_whole: bool) -> int | None:
        """How many lines the file has, where all of them end in the same way."""
        if self._oddities or self._returns not in (0, self._feeds):
            return None
        return self._feeds + (not ends_whole)

    def is_utf8(self) -> bool:
        """True also where the file was cut off inside its last character."""
        return self._decoder is not None


def _pieces(sample: bytes, source: BinaryIO) -> Iterator[bytes]:
    rest = sample + source.read(PIECE_BYTES - len(sample))
    while rest:
        yield rest
        rest = source.read(PIECE_BYTES)


def _marked(sample: bytes) -> str | None:
    return next((name for bom, name in BOMS if sample.startswith(bom)), None)


def _unmarked_utf16(sample: bytes) -> str | None:
    """Western text in UTF-16 has a zero in every second byte."""
    head = sample[:2000]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < len(head) * 0.3 or min(even, odd) > len(head) * 0.05:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _refuse_binary(sample: bytes) -> None:
    text = sample.rstrip(b"\0")  # some banks pad their files
    controls = len(text) - len(text.translate(None, CONTROLS))
    if text.startswith(BINARY) or b"\0" in text or controls > len(text) * MOST_CONTROL_SHARE:
        raise NotText


def _legacy(telling: bytes, usual: str | None) -> str:
    lines = telling.splitlines()
    if sum(_decodes(line, "utf-8") for line in lines) * 2 > len(lines):
        return "utf-8"  # with a few damaged lines, which are quarantined one by one
    beyond_ascii = telling.translate(None, ASCII)
    latin = len(re.findall(rb"[A-Za-z]", telling))
    if len(set(beyond_ascii)) >= FEWEST and len(beyond_ascii) > DENSE_SHARE * (len(beyond_ascii) + latin):
        return _by_language(telling)
    order = [name for name in (usual, *LATIN) if name in LATIN]
    # Of encodings that read the same, the first: another file may have the letters in which they differ.
    readings = {telling.decode(name, "replace"): name for name in reversed(order)}
    return min(
        readings.values(), key=lambda name: (_strangeness(telling.decode(name, "replace"), name), order.index(name))
    )


def _strangeness(text: str, encoding: str) -> tuple[int, int, float]:
    """Signs where letters are expected; known words of headers and a language's own letters count against it."""
    beyond = [letter for letter in text.casefold() if not letter.isascii() and letter not in SIGNS_IN_TEXT]
    letters = [letter for letter in beyond if unicodedata.category(letter) in ("Ll", "Lo")]
    cells = {words.plain(cell) for line in text.splitlines()[:20] for cell in re.split(r"[,;|\t\"]+", line)}
    own = max(sum(letter in alphabet for letter in letters) for alphabet in LATIN[encoding].split())
    known = [cell for cell in cells & words.KNOWN if len(cell) > SHORT_WORD]
    return len(beyond) - len(letters), -len(known), -own / max(len(letters), 1)


def _by_language(telling: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(telling, cp_isolation=list(LEGACY), steps=1, chunk_size=len(telling)).best()
    return best.encoding if best is not None else "cp1252"


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True
