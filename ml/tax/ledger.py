"""Ledger: every row that was ever shipped, by its digest. A row is closed and another one appended, never edited.

`python -m ml.tax.ledger` writes down what is new, and refuses what was edited.
"""

import csv
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from ml.tax import files
from ml.tax.rows import Row

FILE = Path(__file__).with_name("data") / "ledger.csv"
COLUMNS = ("rule_id", "valid_from", "version", "digest", "valid_to")
Key = tuple[str, str, str]
Entry = tuple[str, str]


def key(row: Row) -> Key:
    return row.rule_id, row.valid_from.isoformat(), str(row.version)


def entry(row: Row) -> Entry:
    """A row's digest and the day on which it ends, empty while it is open."""
    return row.digest(), row.valid_to.isoformat() if row.valid_to else ""


def read(path: Path = FILE) -> dict[Key, Entry]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return {
        (line["rule_id"], line["valid_from"], line["version"]): (line["digest"], line["valid_to"]) for line in lines
    }


def edits(rows: Iterable[Row], ledger: Mapping[Key, Entry]) -> list[str]:
    """What was done to rows that were shipped before and must not be: edited, taken away, ended anew."""
    present = {key(row): entry(row) for row in rows}
    found = []
    for name, (digest, valid_to) in ledger.items():
        which = f"{name[0]} from {name[1]}"
        if name not in present:
            found.append(f"{which} is gone; a row is closed, never taken away")
        elif present[name][0] != digest:
            found.append(f"{which} was edited; close it, or append it anew with version {int(name[2]) + 1}")
        elif valid_to and present[name][1] != valid_to:
            found.append(f"{which} ended on {valid_to}; that is not changed")
    return found


def unwritten(rows: Iterable[Row], ledger: Mapping[Key, Entry]) -> list[Row]:
    """Rows that are new, or were closed since."""
    return [row for row in rows if ledger.get(key(row)) != entry(row)]


def write(rows: Iterable[Row], path: Path = FILE) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*key(row), *entry(row)] for row in rows)


def main() -> int:
    rows = files.read_all()
    known = read() if FILE.exists() else {}
    if wrong := edits(rows, known):
        sys.stderr.write("\n".join(wrong) + "\n")
        return 1
    sys.stdout.write(f"{len(unwritten(rows, known))} rows are new or closed\n")
    write(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
