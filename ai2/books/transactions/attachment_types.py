"""What an attachment is: decided by its bytes, and never contradicted by its name.

Only what a browser shows without running anything: no markup, no scripts, no macros, no programs.
"""

import re
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO

from ai2.kit.errors import FieldError, Invalid, UnsupportedMediaType

OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN = "application/vnd.oasis.opendocument."
# By which endings each type is known; a name without an ending says nothing.
ENDINGS: dict[str, frozenset[str]] = {
    "application/pdf": frozenset({"pdf"}),
    "image/png": frozenset({"png"}),
    "image/jpeg": frozenset({"jpg", "jpeg"}),
    "image/webp": frozenset({"webp"}),
    "image/gif": frozenset({"gif"}),
    "image/heic": frozenset({"heic", "heif"}),
    "text/plain": frozenset({"txt", "text", "md"}),
    "text/csv": frozenset({"csv", "tsv"}),
    OFFICE + "spreadsheetml.sheet": frozenset({"xlsx"}),
    OFFICE + "wordprocessingml.document": frozenset({"docx"}),
    OFFICE + "presentationml.presentation": frozenset({"pptx"}),
    OPEN + "spreadsheet": frozenset({"ods"}),
    OPEN + "text": frozenset({"odt"}),
    OPEN + "presentation": frozenset({"odp"}),
}
BEGINNINGS = (
    (rb"%PDF-", "application/pdf"),
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    # of the brands of this container, those of still pictures
    (rb"....ftyp(?:heic|heix|heim|heis|mif1|msf1)", "image/heic"),
)
# The part that every such file has, in the place that makes it one.
OFFICE_PARTS = {
    "xl/workbook.xml": OFFICE + "spreadsheetml.sheet",
    "word/document.xml": OFFICE + "wordprocessingml.document",
    "ppt/presentation.xml": OFFICE + "presentationml.presentation",
}
CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
MARKUP = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*<|\A#!|<(?:!doctype|html|head|body|script|svg|iframe|\?php)\b", re.IGNORECASE
)
PIECE_BYTES, LONGEST_TYPE = 1 << 16, 200


class NotAttachable(UnsupportedMediaType):
    """This kind of file is not kept; send PDF, PNG, JPEG, WEBP, HEIC, GIF, plain text, CSV or an office document."""


class NameContradictsContent(Invalid):
    """The file's name says that it is something else than it is; name it as what it is."""


def media_type(file: BinaryIO, file_name: str) -> str:
    """The type of a file, by its bytes; refuses what is of no known type, and a name of another."""
    file.seek(0)
    start = file.read(PIECE_BYTES)
    found = next((kind for begins, kind in BEGINNINGS if re.match(begins, start, re.DOTALL)), None)
    if start.startswith(b"PK\x03\x04"):
        found = _of_archive(file)
    ending = PurePosixPath(file_name).suffix.lower().removeprefix(".")
    if found is None:
        _check_text(file)
        found = "text/csv" if ending in ENDINGS["text/csv"] else "text/plain"
    if ending and ending not in ENDINGS[found]:
        raise NameContradictsContent(errors=(FieldError("file", f"is {found} by its content"),))
    return found


def _of_archive(file: BinaryIO) -> str:
    """Which office document an archive is; other archives, and what holds macros, are none."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            if any(name.lower().endswith(("vbaproject.bin", ".exe", ".dll", ".js")) for name in names):
                raise NotAttachable
            if "mimetype" in names:
                with archive.open("mimetype") as told:
                    kind = told.read(LONGEST_TYPE).decode("ascii", "replace").strip()
                if kind.startswith(OPEN) and kind in ENDINGS and "content.xml" in names:
                    return kind
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
        raise NotAttachable from None
    for part, kind in OFFICE_PARTS.items():
        if part in names and "[Content_Types].xml" in names:
            return kind
    raise NotAttachable


def _check_text(file: BinaryIO) -> None:
    """Refuse what is no text, in whichever encoding, and text that a browser or a shell would run."""
    file.seek(0)
    first = True
    while piece := file.read(PIECE_BYTES):
        if CONTROLS.search(piece) or (first and MARKUP.search(piece)):
            raise NotAttachable
        first = False
