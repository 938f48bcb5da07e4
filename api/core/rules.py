"""Rules: written, tried out, brought to the history and taken back."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from ai2.books.rules import runs as rule_runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, Rule, Share, Sign, TextTest, TransferTo, Way
from ai2.books.rules.runs import Application, Changed, Draft
from ai2.books.rules.runs_repository import Scope
from api.core.transactions import SplitOut
from api.etags import IfMatch, mark
from api.pages import PageQuery, WholeQuery, cut, read_cursor, write_cursor
from api.schemas import (
    Amount,
    AmountIn,
    Body,
    CalendarDate,
    Change,
    Currency,
    Day,
    Flag,
    Instant,
    ListOf,
    Name,
    Out,
    Whole,
    changes,
)
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/rules", tags=["rules"], route_class=Unit)

Position = Annotated[Whole, Field(ge=1, le=1_000_000, description="Lower first; of equal ones the older.")]


class TextTestBody(Body):
    """What a text has to be. Case makes no difference."""

    by: Way = Field(description="contains, equals, or matches: a regular expression of RE2, anywhere in the text.")
    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class ConditionsBody(Body):
    """Conditions, at least one; all that are named must hold."""

    description: TextTestBody | None = None
    merchant: TextTestBody | None = Field(default=None, description="Of its key, where the bank names nobody.")
    min_amount: AmountIn | None = Field(default=None, description="Of the amount without its sign, this included.")
    max_amount: AmountIn | None = Field(default=None, description="Of the amount without its sign, this included.")
    account_id: UUID | None = None
    mcc: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")] | None = None
    sign: Sign | None = Field(default=None, description="in: money comes in; out: it goes out, or is nothing.")
    currency: Currency | None = None

    def read(self) -> Conditions:
        """The same for the books."""
        texts = {
            name: TextTest(test.by, test.text)
            for name, test in (("description", self.description), ("merchant", self.merchant))
            if test
        }
        return Conditions(**{**dict(self), "description": None, "merchant": None, **texts})


class ShareBody(Body):
    """A part of what is split; with neither percentage nor amount it is the rest, of which there is one at most."""

    category_id: UUID
    percentage: AmountIn | None = Field(default=None, description="Of what fixed amounts leave: above 0, to 100.")
    amount: AmountIn | None = Field(default=None, description="Above 0, in conditions.currency; goes as the whole.")


class TransferBody(Body):
    """The own account at the other end."""

    account_id: UUID


class ActionsBody(Body):
    """What is done, at least one; of category_id, split and transfer one at most."""

    category_id: UUID | None = None
    tags: Annotated[list[Name], Field(max_length=50)] = Field(default_factory=list, description="Added to its tags.")
    merchant: Name | None = Field(default=None, description="The name that the merchant gets.")
    split: Annotated[list[ShareBody], Field(max_length=20)] = Field(
        default_factory=list, description="2 to 20 parts: percentages of 100 together, or one part for the rest."
    )
    transfer: TransferBody | None = Field(
        default=None, description="It is a transfer to or from this account, and paired with the other side if found."
    )

    def read(self) -> Actions:
        """The same for the books."""
        return Actions(
            category_id=self.category_id,
            tags=tuple(dict.fromkeys(self.tags)),
            merchant=self.merchant,
            split=tuple(Share(**dict(share)) for share in self.split),
            transfer=TransferTo(self.transfer.account_id) if self.transfer else None,
        )


class RuleNew(Body):
    """A rule to write down."""

    name: Name
    conditions: ConditionsBody
    actions: ActionsBody
    position: Position | None = Field(default=None, description="Without one it is the last.")
    is_active: Flag = True


class RuleChange(Change):
    """What to change; what is not named stays. Conditions, and actions, are each replaced as one."""

    name: Name = Field(default="")
    conditions: ConditionsBody = Field(default_factory=ConditionsBody)
    actions: ActionsBody = Field(default_factory=ActionsBody)
    position: Position = Field(default=1)
    is_active: Flag = True


class TextTestOut(Out):
    """What a text has to be."""

    by: Way
    text: str


class ConditionsOut(Out):
    """Conditions; all that are not null must hold."""

    description: TextTestOut | None
    merchant: TextTestOut | None
    min_amount: Amount | None
    max_amount: Amount | None
    account_id: UUID | None
    mcc: str | None
    sign: Sign | None
    currency: str | None


class ShareOut(Out):
    """A part of what is split; with neither percentage nor amount it is the rest."""

    category_id: UUID
    percentage: Amount | None
    amount: Amount | None


class TransferToOut(Out):
    """The own account at the other end."""

    account_id: UUID


class ActionsOut(Out):
    """What is done."""

    category_id: UUID | None
    tags: list[str]
    merchant: str | None
    split: list[ShareOut]
    transfer: TransferToOut | None


class RuleOut(Out):
    """A rule."""

    rule_id: UUID
    name: str
    position: int
    is_active: bool
    conditions: ConditionsOut
    actions: ActionsOut
    version: int
    created_at: Instant
    updated_at: Instant


class Rules(ListOf):
    """All rules, in the order in which they are tried."""

    items: list[RuleOut]


class Where(Body):
    """Which transactions; without any of these all."""

    start_date: Day | None = None
    end_date: Day | None = None
    account_id: UUID | None = None

    def read(self) -> Scope:
        """The same for the books."""
        return Scope(start_date=self.start_date, end_date=self.end_date, account_id=self.account_id)


class DraftBody(Body):
    """A rule to try out."""

    conditions: ConditionsBody
    actions: ActionsBody
    position: Position | None = Field(default=None, description="Without one where it is, or the last.")


class PreviewWanted(Where):
    """What to show: all active rules, one of them, a changed one (both members), or a new one (`rule` alone)."""

    rule_id: UUID | None = None
    rule: DraftBody | None = None
    limit: Whole = Field(default=50, ge=1, le=1000)
    cursor: str | None = Field(default=None, max_length=100, description="`next_cursor` of the page before.")


class StateOut(Out):
    """What a rule may change of a transaction."""

    category_id: UUID | None
    category: str | None
    decided_by: str | None
    tags: list[str]
    merchant: str | None
    splits: list[SplitOut]


class DecidedOut(Out):
    """Which rule decides a field; null: the one that is tried out."""

    field: Literal["category", "tags", "merchant"]
    rule_id: UUID | None


class ChangedOut(Out):
    """A transaction as it is and as it would be."""

    transaction_id: UUID
    date: CalendarDate = Field(validation_alias="booked_on")
    amount: Amount
    currency: str
    description: str
    before: StateOut
    after: StateOut
    decided: list[DecidedOut]


class FieldsOut(Out):
    """Of how many transactions each field would change."""

    category: int
    tags: int
    merchant: int


class PreviewOut(ListOf):
    """What would change in the history."""

    matched: int = Field(description="Transactions that the rules decide.")
    changed: int = Field(description="Those that would change; the others say so already, or are kept.")
    kept: int = Field(description="Those of which people, or a transfer, decided a field: it stays.")
    closed: int = Field(description="Those that would change too, and stay: their period is closed.")
    fields: FieldsOut
    items: list[ChangedOut] = Field(description="Those that would change, the newest written first.")


class ApplicationOut(Out):
    """A rule brought to the history."""

    application_id: UUID
    rule_id: UUID
    rule_version: int
    start_date: CalendarDate | None
    end_date: CalendarDate | None
    account_id: UUID | None
    rows_changed: int
    rows_closed: int = Field(description="Those it would have changed and left alone: their period is closed.")
    applied_by: str
    applied_at: Instant
    undone_at: Instant | None
    undone_by: str | None
    rows_given_back: int | None = Field(description="When it was undone: what has its former values again.")
    rows_left_alone: int | None = Field(description="What people or others had changed since, or deleted.")


class Applications(ListOf):
    """One page."""

    items: list[ApplicationOut]


class ApplicationQuery(PageQuery):
    """Which applications."""

    rule_id: UUID | None = None


@router.get("", response_model=Rules)
async def list_rules(db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, Any]:
    """The rules in the order in which they are tried."""
    return cut(await rules.list_all(db, who.organization_id), wanted, lambda rule: rule.rule_id)


@router.post("", status_code=201, response_model=RuleOut)
async def create_rule(new: RuleNew, db: Db, who: Caller, response: Response) -> Rule:
    """Write a rule down. It decides what comes in from now on; apply it to bring it to the history."""
    given = {**dict(new), "conditions": new.conditions.read(), "actions": new.actions.read()}
    rule = await rules.create(db, who.organization_id, **given)
    mark(response, rule.version)
    return rule


@router.post("/preview", response_model=PreviewOut)
async def preview_rules(wanted: PreviewWanted, db: Db, who: Caller) -> dict[str, Any]:
    """What rules would change in the history. Nothing is written."""
    draft = wanted.rule
    found = await rule_runs.preview(
        db,
        who.organization_id,
        rule_id=wanted.rule_id,
        draft=Draft(draft.conditions.read(), draft.actions.read(), draft.position) if draft else None,
        scope=wanted.read(),
        after=read_cursor(wanted.cursor, UUID),
        limit=wanted.limit,
    )
    following = write_cursor(found.next_cursor)
    return {**vars(found), "items": [_told(item) for item in found.items], "next_cursor": following}


@router.get("/applications", response_model=Applications)
async def list_rule_applications(db: Db, who: Caller, wanted: Annotated[ApplicationQuery, Query()]) -> dict[str, Any]:
    """Where rules were brought to the history, newest first."""
    if wanted.rule_id:
        await rules.get(db, who.organization_id, wanted.rule_id)
    items, last = await rule_runs.applications(
        db, who.organization_id, rule_id=wanted.rule_id, after=read_cursor(wanted.cursor, UUID), limit=wanted.limit
    )
    total = await rule_runs.count_applications(db, who.organization_id, wanted.rule_id) if wanted.include else None
    return {"items": items, "next_cursor": write_cursor(last), "total": total}


@router.post("/applications/{application_id}/undo", response_model=ApplicationOut)
async def undo_rule_application(application_id: UUID, db: Db, who: Caller) -> Application:
    """Give what a rule changed its former values; what was changed since is left alone."""
    return await rule_runs.undo(db, who.organization_id, application_id, undone_by=who.actor)


@router.get("/{rule_id}", response_model=RuleOut)
async def get_rule(rule_id: UUID, db: Db, who: Caller, response: Response) -> Rule:
    """One rule."""
    rule = await rules.get(db, who.organization_id, rule_id)
    mark(response, rule.version)
    return rule


@router.patch("/{rule_id}", response_model=RuleOut)
async def update_rule(
    rule_id: UUID, change: RuleChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> Rule:
    """Change a rule. What it decided stays decided until it is applied again."""
    wanted = changes(change)
    for name in wanted.keys() & {"conditions", "actions"}:
        wanted[name] = wanted[name].read()
    rule = await rules.update(db, who.organization_id, rule_id, wanted, version=version)
    mark(response, rule.version)
    return rule


@router.delete("/{rule_id}", status_code=204)
async def delete_rule(rule_id: UUID, db: Db, who: Caller, version: IfMatch) -> Response:
    """Delete a rule. What it decided stays decided."""
    await rules.delete(db, who.organization_id, rule_id, version=version)
    return Response(status_code=204)


@router.post("/{rule_id}/apply", response_model=ApplicationOut)
async def apply_rule(rule_id: UUID, where: Where, db: Db, who: Caller) -> Application:
    """Bring a rule to the history, as its preview shows it. It can be undone as one."""
    return await rule_runs.apply(db, who.organization_id, rule_id, scope=where.read(), applied_by=who.actor)


def _told(item: Changed) -> dict[str, Any]:
    decided = [{"field": field, "rule_id": rule_id} for field, rule_id in item.decided.items()]
    return {**vars(item), "decided": decided}
