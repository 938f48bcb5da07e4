"""What goes over the wire about imports: files in, rows accounted for, undo, replay and quarantine."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from ai2.ingest.layout.model import Layout
from ai2.ingest.service import Rows
from api.pages import PageQuery
from api.schemas import Body, Currency, Flag, Instant, ListOf, Name, Out, Whole

Status = Literal["queued", "running", "loaded", "held", "failed", "needs_answer", "undone"]
RowState = Literal["loaded", "duplicate", "quarantined"]


class ImportFields(Body):
    """Where the file goes, and answers to what it cannot decide itself."""

    account_id: UUID | None = Field(default=None, description="The account; or say account_name.")
    account_name: Name | None = Field(default=None, description="The account by name; a new name opens one.")
    mapping: dict[str, str | int | list[str | int]] | None = Field(
        default=None, description="Role (date, amount, description...) to column: its header, or its number from 1."
    )
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    decimal_mark: Literal[".", ","] | None = None
    positive_is: Literal["in", "out"] | None = Field(default=None, description="What an amount without a minus is.")
    fees_are: Literal["apart", "within"] | None = Field(
        default=None, description="Whether a fee column was paid besides the amount, or is part of it."
    )
    currency: Currency | None = None
    encoding: str | None = Field(default=None, max_length=40, description="How the file's text is encoded: cp1250...")
    dry_run: bool = Field(default=False, description="Say what would come of it and write nothing; adds `sample`.")


class ImportForm(ImportFields):
    """A statement file, as CSV or OFX, alone or in gzip or zip."""

    file: str = Field(json_schema_extra={"format": "binary"})


class ImportJson(ImportFields):
    """The text of a CSV file."""

    csv_data: str = Field(min_length=1)
    file_name: str | None = None


class ImportAnswer(Out):
    """What became of a file: rows in = loaded + duplicate + quarantined. A dry run has no batch."""

    batch_id: UUID | None
    status: Status
    format: str | None
    rows: Rows | None
    questions: list[dict[str, Any]] = Field(default_factory=list)
    first_date: date | None
    last_date: date | None
    currency: str | None
    account_id: UUID | None = Field(description="null: a dry run into an account that would be opened.")
    checks: list[dict[str, Any]] = Field(default_factory=list, description="The expectations, and whether each held.")
    unknown_categories: list[str] = Field(
        default_factory=list,
        description="What the file calls categories and none of yours is called, of most rows first: nothing is made "
        "of them. At most 100.",
    )
    sample: list[dict[str, Any]] | None = Field(
        default=None, exclude_if=lambda sample: sample is None, description="The first lines, with dry_run."
    )


class Left(Out):
    """A transaction that an undo left alone."""

    transaction_id: UUID
    line_number: int | None
    why: Literal["edited", "deleted"]
    fields: list[str] = Field(description="What people edited: date, amount, category...")


class Heir(Out):
    """A later import that has rows of an undone one, and took them over."""

    batch_id: UUID
    transactions: int


class UndoReport(Out):
    """What an undo did. `left` names the first 1,000 of `left_alone`."""

    closed: int = Field(description="Transactions that it had inserted, and that are gone.")
    given_back: int = Field(description="Transactions of other imports that have their former values again.")
    handed_over: int = Field(description="Transactions that stay, because a later import has them too.")
    left_alone: int = Field(description="Transactions that people had edited or deleted.")
    heirs: list[Heir]
    left: list[Left]


class ImportOut(ImportAnswer):
    """An import, from its file to its end."""

    account_id: UUID
    file_name: str
    source: str
    progress: float = Field(description="0 to 1.")
    problem: dict[str, Any] | None = Field(description="Why it failed or is asked about.")
    imported_by: str
    created_at: Instant
    finished_at: Instant | None
    undone_at: Instant | None
    undone_by: str | None
    undo_report: UndoReport | None = Field(description="What became of its transactions when it was undone.")
    replays: list[dict[str, Any]] = Field(description="The replays that were applied, the first one first.")


class Imports(ListOf):
    """Imports, newest first."""

    items: list[ImportOut]


class ImportQuery(PageQuery):
    """Which imports."""

    account_id: UUID | None = None
    status: Status | None = None


class RowOut(Out):
    """A row of the file and what became of it; `transaction_id` is what it became, or what it repeats."""

    line_number: int
    state: RowState
    transaction_id: UUID | None
    reason_code: str | None
    reason: str | None
    original: str | None


class ImportRows(ListOf):
    """Rows by line number."""

    items: list[RowOut]


class RowQuery(PageQuery):
    """Which rows."""

    state: RowState | None = None


class LayoutOut(Out):
    """How files of one kind are read into an account."""

    signature: str
    layout: Layout
    decided_by: str
    version: int
    updated_at: Instant


class Layouts(ListOf):
    """An account's layouts, the last used first."""

    items: list[LayoutOut]


class Change(Out):
    """What differs in a line. `stays`: a person edited it, so that a replay leaves it."""

    field: str
    from_: str | None = Field(alias="from")
    to: str | None
    stays: bool


class ReplayedLine(Out):
    """A line that is not what it was. `stays`: people edited its transaction, so that it is not closed."""

    line_number: int
    kind: Literal["changed", "now_readable", "now_rejected", "now_duplicate", "gone", "new", "kept"]
    transaction_id: UUID | None
    stays: bool
    fields: list[Change]
    line: dict[str, Any] | None = Field(description="The line as it is read now.")
    reason_code: str | None
    reason: str | None


class Counts(Out):
    """How many lines are what."""

    unchanged: int
    changed: int
    now_readable: int
    now_rejected: int
    now_duplicate: int
    gone: int
    new: int
    kept: int = Field(description="Lines that differ only in what people edited.")


class Versions(Out):
    """The parser that read it, and the present one."""

    from_: str | None = Field(alias="from")
    to: str


class ReplayOut(ListOf):
    """What differs between an import as it is loaded and as its file is read now."""

    batch_id: UUID
    is_applied: bool
    parser_version: Versions
    counts: Counts
    lines: list[ReplayedLine]


class Replays(ListOf):
    """An account's imports, the first one first."""

    items: list[ReplayOut]


class AccountReplayIn(Body):
    """Only look, or let the books follow."""

    apply: Flag = Field(default=False, description="Let the books follow; else it is only shown.")
    limit: Whole = Field(default=100, ge=1, le=1000, description="So many lines of each import are shown in full.")


class ReplayIn(AccountReplayIn):
    """Only look, or let the books follow; read as the account's layouts say, or as is said here."""

    mapping: dict[str, str | int | list[str | int]] | None = None
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    decimal_mark: Literal[".", ","] | None = None
    positive_is: Literal["in", "out"] | None = None
    fees_are: Literal["apart", "within"] | None = None
    cursor: str | None = Field(default=None, max_length=100)


class ResubmitFields(Body):
    """Answers to what corrected rows may leave open."""

    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    decimal_mark: Literal[".", ","] | None = None


class ResubmitForm(ResubmitFields):
    """rejects.csv, corrected."""

    file: str = Field(json_schema_extra={"format": "binary"})


class ResubmitJson(ResubmitFields):
    """The text of rejects.csv, corrected."""

    csv_data: str = Field(min_length=1)
    file_name: str | None = None


class Ignored(Out):
    """A row that nothing was done with, and why."""

    line_number: int | None
    reason: str


class Resubmitted(Out):
    """What became of the rows that came back, and their import now."""

    loaded: int
    duplicate: int
    quarantined: int = Field(description="Rows that still cannot be read; their reasons are with the import's rows.")
    ignored: list[Ignored]
    import_: ImportOut = Field(alias="import")
