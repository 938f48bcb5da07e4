"""Following: what a feed says later of a transaction that is in the books, which are as it says now.

A line whose id is known changes its transaction, but for what people edited; a row that takes an id back takes the
transaction out; one that was taken out and is shown again is back. What people deleted stays away, and what a feed
takes back of what people edited, or of a closed period, is told and left as it is. docs/reference/feeds.md says it for
users.

Inside an import's savepoint, over the temporary table `staged`: `shown` after known lines are told, `named` once what
is pending is linked, and `apply` after new ones are inserted. Undo finds what this changed in the books' history, by
`batch:<id>`, and in ingest.removals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from ai2.books.transactions import completions_repository as completions
from ai2.books.transactions import following_repository as books
from ai2.books.transfers import service as transfers
from ai2.ingest.following import repository
from ai2.ingest.lines import Reason, Statement
from ai2.ingest.loading import identities, shut
from ai2.ingest.loading.staging import File
from ai2.kit import events
from ai2.kit.database import Connection, done_by

Unloaded = tuple[int, str, str, str]


class Told(StrEnum):
    """What became of a row that is about a transaction of the books. The value is in the import's rows."""

    text: str

    def __new__(cls, code: str, text: str) -> "Told":
        told = str.__new__(cls, code)
        told._value_ = code
        told.text = text
        return told

    CHANGED = "changed", "the transaction says now what this row says"
    KEPT = "kept", "what this row says otherwise was edited by people, and stays"
    DELETED = "deleted", "people deleted the transaction, which stays away"
    REMOVED = "removed", "the bank took the transaction back; it is out of the books"
    RETURNED = "returned", "the bank shows the transaction again; it is back in the books"
    WITHDRAWN = "withdrawn", "the bank took back what it had announced"
    BOOKED = "booked", "what was announced is booked by another row, and stays"
    GONE = "gone", "the transaction was out of the books already"
    SEEN = "seen", "this was done, or told, when the row came first"
    REPEATED = "repeated", "a later row of the file says what has become of it"


UNDONE = {each.value: each for each in (Reason.UNKNOWN_ID, Reason.EDITED, Reason.PERIOD_CLOSED)}
TEXTS = {told.value: told.text for told in Told}


@dataclass
class Following:
    """What of a batch is followed: nothing of files whose ids say nothing for sure, or that are old.

    `only` are the lines of a loaded batch that were told and not done: read again, they may be.
    """

    db: Connection
    organization_id: UUID
    account_id: UUID
    batch_id: UUID
    closed_through: date | None
    is_feed: bool
    is_known: bool
    only: tuple[int, ...] | None = None
    is_prepared: bool = False
    has_followed: bool = False

    def follows(self, file: File) -> bool:
        """A feed's answers are the bank's present word; changes that come as a file are, once."""
        return file.statement.ids_are_stable and (self.is_word([file.statement]) or bool(self.only))

    def is_word(self, statements: Sequence[Statement]) -> bool:
        """Whether a batch says what is so now, whatever it said before."""
        changes = all(statement.shows == "changes" for statement in statements)
        return self.is_feed or (changes and not self.is_known)

    async def prepare(self, files: Sequence[File]) -> None:
        """Make room for what is followed, where anything can be; the first of all, once a batch."""
        self.is_prepared = any(file.statement.named or self.follows(file) for file in files)
        if self.is_prepared:
            await repository.prepare(self.db)

    async def reuse(self, file: File) -> None:
        """Ids of what was taken out may be used again for another payment."""
        if self.only is None and self.follows(file) and await repository.has_removals(self.db, self.organization_id):
            await repository.reuse_ids(self.db, self.organization_id, self.batch_id, file.number)

    async def shown(self, file: File) -> list[Unloaded]:
        """Tell what a file's lines do to what they are known as; gives back what a closed period keeps from it."""
        if not self.follows(file):
            return []
        db, own = self.db, self.organization_id
        if not await repository.stage_shown(db, own, file.number, only=self.only):
            return []
        await self._look(file)
        await repository.judge_shown(db, own, file.number, self.closed_through)
        closed = await repository.set_aside(db, file.number)
        await repository.learn_shown(db, own, file.number)
        return shut.quarantined(file.statement.layout, closed)

    async def named(self, file: File) -> list[Unloaded]:
        """Tell what becomes of what is named by its id alone; gives back what is left as it is, with the reasons.

        Of the very same file again nothing is left to be done.
        """
        named = file.statement.named
        if not named:
            return []
        db, own = self.db, self.organization_id
        providers = identities.of_ids([each.provider_id for each in named], self.account_id)
        told = [
            (each.line_number + file.lines_before, each.provider_id, provider, each.says)
            for each, provider in zip(named, providers, strict=True)
        ]
        await repository.stage_named(db, own, self.account_id, file.number, told)
        await self._look(file)
        only = self.only if self.follows(file) else ()
        await repository.judge_named(db, own, file.number, self.closed_through, only=only)
        originals = {each.line_number + file.lines_before: each.original for each in named}
        return [
            _unloaded(row, originals[row["line_number"]]) for row in await repository.put_named(db, own, file.number)
        ]

    async def _look(self, file: File) -> None:
        await books.hold(self.db, self.organization_id, file.number)
        await books.find_edits(self.db, self.organization_id, file.number)

    async def apply(self) -> list[UUID]:
        """Let the books follow. Says whose day or amount is another now, or who are back: they may be transfers."""
        db, own = self.db, self.organization_id
        acts = await repository.leave_staged(db) if self.is_prepared else {}
        self.has_followed = bool(acts)
        if not acts:
            return []
        removed, withdrawn = acts.get("removed", []), acts.get("withdrawn", [])
        async with done_by(db, f"batch:{self.batch_id}"):
            counting, fields = await books.change(db, own)
            await transfers.dissolve(db, own, counting, but_of_people=True)
            await transfers.dissolve(db, own, removed)
            await books.remove(db, own)
            if withdrawn:
                await repository.withdraw(db, own, self.batch_id, withdrawn)
                await completions.close(db, own, withdrawn)
        await repository.keep_removals(db, own, self.batch_id)
        changed = [*acts.get("changed", []), *acts.get("returned", []), *withdrawn]
        fields += ["status"] if withdrawn else []
        await self._tell(changed, sorted(fields), removed)
        return counting

    async def _tell(self, changed: Sequence[UUID], fields: Sequence[str], removed: Sequence[UUID]) -> None:
        """Once an import, however many rows it has."""
        whose = {"batch_id": self.batch_id}
        await events.emit_rows(self.db, self.organization_id, "transaction.updated", changed, fields=fields, **whose)
        await events.emit_rows(self.db, self.organization_id, "transaction.deleted", removed, **whose)


def _unloaded(row: dict[str, object], original: str) -> Unloaded:
    reason = UNDONE[str(row["reason_code"])]
    if reason is Reason.PERIOD_CLOSED:
        original = f"{row['booked_on']}, {row['amount']}, {row['description']}"
    return int(str(row["line_number"])), reason.value, reason.text, original
