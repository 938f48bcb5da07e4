"""Acts that can be tried: each is done just as it would be for good, by the service that does it."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.periods import service as periods
from ai2.books.rules import runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions
from ai2.books.rules.runs import Draft
from ai2.books.rules.runs_repository import Scope as Where
from ai2.books.transactions import decisions
from ai2.ingest.mending import undo
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict
from ai2.reports.effects import repository
from ml import registry
from ml.batch import engine
from ml.copies import About
from ml.scope import Scope

Rows = Literal["undecided", "decided_by_model"]
# A model is tried on so many transactions at once, the latest ones.
MOST_ROWS = 5_000
DRAFT = "draft"


class ModelNotHere(Conflict):
    """This version's file is not on this machine; let it be the challenger, which brings it here, and try again."""


@dataclass(frozen=True)
class Done:
    """What an act said of itself; `looked_at` transactions, which are only some (`is_sample`) of all there are."""

    closed: int | None = None
    left_alone: int | None = None
    looked_at: int | None = None
    is_sample: bool = False


@dataclass(frozen=True)
class ApplyRule:
    """A rule as it is, as `draft` has it, or a new one (`draft` alone), brought to the history."""

    rule_id: UUID | None
    draft: Draft | None
    where: Where

    async def do(self, db: Connection, organization_id: UUID, actor: str) -> Done:
        rule_id = await self._written(db, organization_id)
        application = await runs.apply(db, organization_id, rule_id, scope=self.where, applied_by=actor)
        return Done(closed=application.rows_closed)

    async def _written(self, db: Connection, organization_id: UUID) -> UUID:
        if self.rule_id is not None:
            changes: dict[str, object] = {"is_active": True}
            if self.draft:
                changes |= {"conditions": self.draft.conditions, "actions": self.draft.actions}
                changes |= {"position": self.draft.position} if self.draft.position else {}
            await rules.update(db, organization_id, self.rule_id, changes)
            return self.rule_id
        draft = self.draft or Draft(Conditions(), Actions())  # which is refused: it says nothing
        new = await rules.create(
            db, organization_id, name=DRAFT, conditions=draft.conditions, actions=draft.actions, position=draft.position
        )
        return new.rule_id


@dataclass(frozen=True)
class UndoImport:
    """An import taken back as one."""

    batch_id: UUID

    async def do(self, db: Connection, organization_id: UUID, actor: str) -> Done:
        report = await undo.undo(db, organization_id, self.batch_id, undone_by=actor)
        return Done(left_alone=report["left_alone"])


@dataclass(frozen=True)
class ServeModel:
    """A version of the model that all share, as if it served: what it would decide of what is undecided.

    That is just what follows a promotion. With `decided_by_model` it is asked of what a model decided before, too:
    what it would have said instead, which a promotion leaves as it is.
    """

    about: About
    rows: Rows
    where: Where

    async def do(self, db: Connection, organization_id: UUID, actor: str) -> Done:
        if not registry.copies().is_whole(self.about):
            raise ModelNotHere
        since = await periods.closed_through(db, organization_id)
        find = repository.undecided if self.rows == "undecided" else repository.decided_by_model
        if self.where.account_id:
            await accounts.get(db, organization_id, self.where.account_id)
        found = await find(db, organization_id, self.where, since, MOST_ROWS + 1)
        asked = found[:MOST_ROWS]
        if self.rows == "decided_by_model":
            await decisions.forget_models(db, organization_id, asked)
        scope = Scope(transaction_ids=tuple(asked))
        await engine.run(db, organization_id, scope, about=self.about)
        return Done(looked_at=len(asked), is_sample=len(found) > MOST_ROWS)


Act = ApplyRule | UndoImport | ServeModel
