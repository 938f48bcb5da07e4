"""Attachments: which of them are statements of an account, and whose statements are taken."""

from collections.abc import Sequence

from ai2.ingest.formats import HEAD_BYTES, detect
from ai2.ingest.problems import UnknownFormat
from ai2.receipts.mails.mime import Part

# What says by its content that it is a statement; tables are ones by their names, for anything may be a table.
TELLING = frozenset({"ofx", "camt", "mt940", "qif", "bai2"})
TABLES = (".csv", ".tsv", ".xlsx", ".xls", ".csv.gz", ".zip")


def is_statement(part: Part) -> bool:
    """Whether it goes to ingestion. Only what is attached may: nobody's account is what a mail says by itself."""
    if part.is_body or not part.content:
        return False
    if part.name.lower().endswith(TABLES):
        return True
    try:
        return detect(part.content[:HEAD_BYTES]).NAME in TELLING
    except UnknownFormat:
        return False


def is_named(sender: str | None, named: Sequence[str]) -> bool:
    """Whether a sender is one of these addresses, or of one of these domains or below it."""
    if sender is None:
        return False
    domain = sender.rpartition("@")[2]
    wanted = [each.lower().lstrip("@") for each in named]
    return any(each in {sender, domain} or domain.endswith(f".{each}") for each in wanted)
