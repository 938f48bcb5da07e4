"""Encodings: which one a file's bytes are in, decided over the whole file, in one pass and bounded memory.

UTF-8 proves itself: text in another encoding is practically never valid UTF-8. Other Latin text is in the encoding
that leaves the fewest signs among letters, makes the most words of known headers, and then the letters of one
language; other scripts are told by their most frequent letters. Where two encodings read the same bytes as different
texts and nothing speaks for one of them, it is asked.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import BinaryIO, NoReturn

from ai2.ingest.layout import words
from ai2.ingest.problems import EmptyFile, FileTooLarge, LineTooLong, NeedsAnswer, NotText, Question

PIECE_BYTES = 1 << 20
MAX_LINES = 40_000_000
SAMPLE_BYTES = 1 << 18
TELLING_BYTES = 1 << 16
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
# The letters beyond ASCII of each language that an encoding is used for; of equals the first encoding is taken.
_WESTERN = "äöüß åäöé æøåé éèêëàâçîïôûùœ áéíñóúü áâãàçéêíóôõú àèéìíòóù éëïöüèáóç"
_CENTRAL = "áčďéěíňóřšťúůýž áäčďéíĺľňóôŕšťúýž ąćęłńóśźż áéíóöőúüű ăâîşţțș čćđšž äöüß"
LATIN = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "iso8859_15": _WESTERN,
    "cp1257": "ąčęėįšųūž āčēģīķļņšūž äöõüšž",
    "cp1254": "çğıi̇öşü",
    "cp850": _WESTERN,
    "cp852": _CENTRAL,
    "mac_roman": _WESTERN,
}
# Plain words of headers that only one region's languages have.
_WESTERN_WORDS = frozenset(
    re.findall(
        r"\w+",
        """montant libelle compte solde operation betrag buchungstag buchung umsatz kontostand verwendungszweck bedrag
    omschrijving boekdatum fecha importe concepto descripcion importo descrizione causale valuta valor descricao
    montante historico belopp rubrik bokforingsdag tekst dato belop belob pvm selite viesti wertstellung""",
    )
)
_CENTRAL_WORDS = frozenset(
    re.findall(
        r"\w+",
        """castka popis mena ucet protiucet objem kwota opis tytul waluta operacji rachunek rachunku osszeg kozlemeny
    suma zustatek transakce transakcji egyenleg""",
    )
)
HEAD_BYTES = 4096
# Taken only where they are better than the others, not where they are as good.
RARE = frozenset({"cp1257", "cp850", "cp852", "mac_roman"})
# How often each letter comes in texts of these scripts, the most frequent first.
_RUSSIAN, _GREEK = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфё", "αοιετσνηυρπκμλςωδγχθφβξζψάέήίόύώ"
# Signs that Japanese and Chinese statements are full of; a wrong decoding makes rare ones.
_JAPANESE = (
    "日付年月金額残高取引内容入出支払預摘要銀行振込手数料店名利用口座普通株式会社電気水道保険給与東京現金引落備考差"
)
_CHINESE = (
    "日期时间金额余额交易摘要对方账户名称号卡支付收入出转款银行消费利息工资存取备注人民币有限公司类型本行网上手机"
    "中国费用购物充值账单"
)
_SCRIPTS = {
    "cp1251": _RUSSIAN,
    "koi8_r": _RUSSIAN,
    "cp866": _RUSSIAN,
    "cp1253": _GREEK,
    "cp932": _JAPANESE,
    "euc_jp": _JAPANESE,
    "gb18030": _CHINESE,
}
SIGNS_IN_TEXT = "€£§°–’ \u00a0\u0307"
# In Latin text few letters lie beyond ASCII; in other scripts most do.
DENSE_SHARE, FEWEST = 0.5, 6
# A script's text has at least so many of its frequent letters; scores nearer than that are the same.
LEAST_FAMILIAR, NEARLY = 0.25, 0.95
_INSIDE = re.compile(r"[^\W\d_A-Z]([^\x00-\x7f])")
# A sign where a letter is expected, or a letter where a space parts thousands.
_OUT_OF_PLACE = re.compile(r"(?<=[A-Za-z])[€£§°–](?=[a-z])|(?<=\d)[^\x00-\x7f\s’](?=\d)")
_BEHIND_NUMBER = re.compile(r"\d\s?([^\x00-\x7f€£¥°\s])(?=[;,|\t\r\n\"]|$)", re.M)
# The same before a number: a pound's sign in another encoding.
_BEFORE_NUMBER = re.compile(r"(?:^|[;,|\t\"(+\-])\s?([^\W\d_A-Za-z])(?=\d)", re.M)
# Words of up to so many letters come about by chance.
SHORT_WORD = 3
BINARY = (b"%PDF", b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"SQLite", b"\x7fELF")
MOST_CONTROL_SHARE, MOST_PADDING_SHARE = 0.02, 0.6
ASCII = bytes(range(128))
CONTROLS = bytes(set(range(1, 32)) - {9, 10, 12, 13, 26})


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


def examine(source: BinaryIO, *, one_line: bool = False, usual: str | None = None, said: str | None = None) -> Text:
    """The encoding of the whole file. `usual` is taken where nothing speaks for another; `said` is a person's answer.

    Raises EmptyFile, FileTooLarge, NotText and, unless the format allows `one_line`, LineTooLong; and NeedsAnswer
    where it cannot be decided.
    """
    sample = source.read(SAMPLE_BYTES)
    if not sample.strip(b"\0\r\n\t \xef\xbb\xbf"):
        raise EmptyFile
    if sample.startswith(BINARY):
        raise NotText
    encoding = said or _marked(sample) or _unmarked_utf16(sample)
    if encoding is None:
        _refuse_binary(sample)
    scan = _Scan(one_line=one_line or encoding is not None)
    for piece in _pieces(sample, source):
        scan.add(piece)
    if encoding is None:
        encoding = "utf-8" if scan.is_utf8() else _legacy(bytes(scan.telling), usual, sample[:HEAD_BYTES])
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
    """In UTF-16 digits and what parts cells have a zero in every second byte, whatever the script."""
    head = sample[:2000]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < len(head) * 0.1 or min(even, odd) > max(even, odd) * 0.1:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _refuse_binary(sample: bytes) -> None:
    """Some banks pad their files or their records with zeros; what has other controls besides is no text."""
    text = sample.rstrip(b"\0")
    controls = len(text) - len(text.translate(None, CONTROLS))
    padding = text.count(0)
    is_padded = padding and (controls or padding > len(text) * MOST_PADDING_SHARE)
    if is_padded or controls > len(text) * MOST_CONTROL_SHARE:
        raise NotText


def _legacy(telling: bytes, usual: str | None, head: bytes) -> str:
    lines = telling.splitlines()
    if sum(_decodes(line, "utf-8") for line in lines) * 2 > len(lines):
        return "utf-8"  # with a few damaged lines, which are quarantined one by one
    beyond_ascii = telling.translate(None, ASCII)
    latin = len(re.findall(rb"[A-Za-z]", telling))
    if len(set(beyond_ascii)) >= FEWEST and len(beyond_ascii) > DENSE_SHARE * (len(beyond_ascii) + latin):
        script = _by_script(telling, usual)
        if script is not None:
            return script
    order = list(dict.fromkeys([name for name in (usual, *LATIN) if name in LATIN]))
    # Of encodings that read the same, the one whose letters they are, else the first: another file may have those in
    # which they differ.
    readings: dict[str, list[str]] = {}
    for name in order:
        readings.setdefault(telling.decode(name, "replace"), []).append(name)
    scores = dict(
        min(((name, _strangeness(text, name)) for name in names), key=itemgetter(1)) for text, names in readings.items()
    )
    best = min(scores.values())
    equals = [name for name in order if scores.get(name) == best]
    common = [name for name in equals if name not in RARE]
    if not common:  # that its letters are small is too little to take a rare one: the first of a name is a capital
        common = equals = [name for name in order if name in scores and scores[name][:-1] == best[:-1]]
    if usual in common:
        return str(usual)
    told = [name for name in equals if LATIN[name] == _letters_of(head)]
    # Where only a rare one fits the header's language, neither it nor the common ones can be taken for granted.
    likely = [name for name in common if name in told] or [*common, *told]
    return likely[0] if len(likely) == 1 else _ask(telling, likely)


def _letters_of(head: bytes) -> str | None:
    """The alphabets of the language in which the header's words are, where they are of one region only."""
    found = set(words.plain(head.decode("ascii", "ignore")).split())
    western, central = bool(found & _WESTERN_WORDS), bool(found & _CENTRAL_WORDS)
    return None if western == central else _WESTERN if western else _CENTRAL


def _strangeness(text: str, encoding: str) -> tuple[int, int, float, int]:
    """Signs where letters are expected; known words of headers and a language's own letters count against it.

    Strange, too, are capitals in the middle of words, which a wrong encoding scatters, and a letter alone beside a
    number, where a currency's sign stands; of equals the one with fewer capitals is better.
    """
    beyond = [letter for letter in text if not letter.isascii() and letter not in SIGNS_IN_TEXT]
    letters = [letter for letter in beyond if unicodedata.category(letter) in ("Ll", "Lu")]
    strange = sum(map(str.isupper, _INSIDE.findall(text))) + len(_BEHIND_NUMBER.findall(text))
    strange += len(_BEFORE_NUMBER.findall(text)) + len(_OUT_OF_PLACE.findall(text))
    own_letters = LATIN[encoding].split()
    folded = [letter.lower() for letter in letters]  # casefold makes ss of ß
    own = max(sum(letter in alphabet for letter in folded) for alphabet in own_letters)
    known = [cell for cell in _cells(text) & words.KNOWN if len(cell) > SHORT_WORD]
    large = sum(map(str.isupper, letters))
    return len(beyond) - len(letters) + strange, -len(known), -own / max(len(letters), 1), large


def _cells(text: str) -> set[str]:
    parted = (cell for line in text.splitlines()[:20] for cell in re.split(r"[,;|\t\"~^]+", line))
    return {words.plain(cell.strip("'")) for cell in parted}


def _by_script(telling: bytes, usual: str | None) -> str | None:
    """The encoding in which the letters are those that come often; none where the letters are of no such script."""
    readings: dict[str, str] = {}
    for name in dict.fromkeys([name for name in (usual, *_SCRIPTS) if name in _SCRIPTS]):
        text = telling.decode(name, "ignore")
        if len(telling) - len(text.encode(name, "ignore")) <= len(telling) * MOST_CONTROL_SHARE:
            readings.setdefault(text, name)
    scores = {name: _familiarity(text, name) for text, name in readings.items()}
    best = max(scores.values(), default=0.0)
    if best < LEAST_FAMILIAR:
        return None
    equals = [name for name, score in scores.items() if score > best * NEARLY]
    if len(equals) > 1 and usual not in equals:
        _ask(telling, equals)
    return usual if usual in equals else equals[0]


def _familiarity(text: str, encoding: str) -> float:
    """Which share of the letters beyond ASCII is frequent in the script, small ones among the Greek and Russian."""
    common = _SCRIPTS[encoding]
    letters = [letter for letter in text if not letter.isascii() and unicodedata.category(letter)[0] in "LMSN"]
    kana = common is _JAPANESE
    found = sum(letter in common or (kana and "\u3040" <= letter <= "\u30ff") for letter in letters)
    return found / max(len(letters), 1)


def _ask(telling: bytes, names: Sequence[str]) -> NoReturn:
    """Raise the question which encoding it is, with what each makes of the first line that tells."""
    line = telling.splitlines()[0][:80]
    shown = "; ".join(f"{name}: {line.decode(name, 'replace').strip()}" for name in names)
    question = Question(
        "encoding", f"In which encoding is the file, that is, which text is right? {shown}", tuple(names)
    )
    raise NeedsAnswer((question,))


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
