"""The spool: lines of a large file on their way, kept on disk and mapped into memory, not held there."""

import tempfile
from collections.abc import Iterable

import pyarrow as pa

from ai2.ingest.lines import LINES


def spooled(pieces: Iterable[pa.Table]) -> pa.Table:
    """All pieces as one table of LINES; more than one lie in a file that goes with the table."""
    waiting = iter(pieces)
    first = next(waiting, LINES.empty_table())
    second = next(waiting, None)
    if second is None:
        return first
    with tempfile.NamedTemporaryFile(prefix="ai2-lines-") as file:
        with pa.ipc.new_file(file, first.schema) as writer:
            for piece in (first, second):
                writer.write_table(piece)
            for piece in waiting:
                writer.write_table(piece)
        file.flush()
        # The file has no name from here on, and its pages are the system's to take back when memory is short.
        return pa.ipc.open_file(pa.memory_map(file.name)).read_all()
