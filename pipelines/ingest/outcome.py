"""How a batch ended, in Dagster's words: the same assets and checks whoever imported it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import dagster as dg

from ai2.kit.masking import mask

RAW_FILES = dg.AssetKey(["ingest", "raw_files"])
STATEMENT_LINES = dg.AssetKey(["published", "statement_lines"])
# The key of dbt's source: the models are downstream of the import without being told.
TRANSACTIONS = dg.AssetKey(["published", "transactions"])

READABLE = "file_can_be_read"
# The suite that ai2.ingest runs on staged lines, and what each expectation says; a test holds them together.
EXPECTATIONS = {
    "dates_known": "every line has a date",
    "dates_in_range": "every date lies between 1970 and a year ahead",
    "amounts_known": "every line has an amount",
    "amounts_fit": "no amount has more decimals than its currency",
    "one_currency": "every line is in the account's currency",
    "descriptions_known": "every line has a description, if an empty one",
    "rows_read": "most of the file's rows could be read",
}


def check_specs() -> list[dg.AssetCheckSpec]:
    """A file that cannot be read, or lines that do not hold, stop what is downstream."""
    readable = dg.AssetCheckSpec(
        READABLE, asset=RAW_FILES, blocking=True, description="the file can be read, and in one way only"
    )
    return [
        readable,
        *(
            dg.AssetCheckSpec(name, asset=STATEMENT_LINES, blocking=True, description=says)
            for name, says in EXPECTATIONS.items()
        ),
    ]


@dataclass(frozen=True)
class Outcome:
    """A batch that ended: loaded, or held by an expectation."""

    organization: str
    organization_id: UUID
    account: str
    account_id: UUID
    batch_id: UUID
    file_name: str
    source: str
    status: str
    format: str
    rows_in: int
    rows_loaded: int
    rows_duplicate: int
    rows_quarantined: int
    checks: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, batch: Mapping[str, Any]) -> "Outcome":
        """From what `ai2.ingest.reporting` says of a batch."""
        known = {name: batch[name] for name in cls.__annotations__ if name != "checks"}
        return cls(**known, checks=tuple(batch["checks"]))

    def materialized(self) -> Iterator[tuple[dg.AssetKey, dict[str, Any]]]:
        """Which assets there is more of now, and how much. A held batch leaves its raw file only."""
        whose = {
            "organization": self.organization,
            "organization_id": str(self.organization_id),
            "account": self.account,
            "account_id": str(self.account_id),
            "batch_id": str(self.batch_id),
            "source": self.source,
        }
        yield RAW_FILES, {**whose, "file_name": mask(self.file_name), "format": self.format, "status": self.status}
        if self.status == "held":
            return
        yield (
            STATEMENT_LINES,
            {
                **whose,
                "dagster/row_count": self.rows_in,
                "loaded": self.rows_loaded,
                "duplicate": self.rows_duplicate,
                "quarantined": self.rows_quarantined,
            },
        )
        yield TRANSACTIONS, {**whose, "dagster/row_count": self.rows_loaded}

    def checked(self) -> Iterator[tuple[dg.AssetKey, str, bool, dict[str, Any]]]:
        """What was asked of it: asset, check, whether it held, and what it says."""
        yield RAW_FILES, READABLE, True, {"format": self.format}
        held = {check["name"]: check for check in self.checks}
        for name, says in EXPECTATIONS.items():
            # a file that brings nothing new is not asked
            check = held.get(name, {"holds": True, "says": says})
            asked = {"says": str(check["says"]), "rows": self.rows_in, "batch_id": str(self.batch_id)}
            yield STATEMENT_LINES, name, bool(check["holds"]), asked
