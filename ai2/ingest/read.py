"""Reading: a file's bytes to the statements in it. Pure: the same bytes, layout and parser give the same lines."""

from collections.abc import Sequence
from typing import BinaryIO

from ai2.ingest.containers import Member, members
from ai2.ingest.formats import HEAD_BYTES, detect
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.lines import Account, Statement


def statements(
    source: BinaryIO,
    file_name: str,
    account: Account,
    options: Options | None = None,
    saved: Sequence[Layout] = (),
) -> list[Statement]:
    """Every statement in a file, a gzip or a zip of files. All are read, or a Problem says why not.

    What one file of a zip decided serves the next of the same kind.
    """
    options = options or Options()
    known = list(saved)
    found = []
    for member in members(source, file_name):
        statement = _statement(member, account, options, known)
        if statement.layout is not None:
            known.insert(0, statement.layout)
        found.append(statement)
    return found


def _statement(member: Member, account: Account, options: Options, saved: Sequence[Layout]) -> Statement:
    with member.open() as opened:
        known = detect(opened.read(HEAD_BYTES))
    return known.read(member, account, options, saved)
