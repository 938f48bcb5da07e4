"""Events: what happened, told in the transaction that did it, once for an act and not once a row.

A payload holds ids and facts, never a description, an amount or a name: whoever wants those reads them with rights of
their own. Events of an organization are numbered in the order in which their transactions commit, without a gap.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows
from ai2.kit.errors import Problem
from ai2.kit.ids import new_id
from ai2.kit.queue import CHANNEL

# Of more rows than these only the number is told.
MOST_IDS = 1000


@dataclass(frozen=True)
class Kind:
    """What a kind of event says: its fields and what each means. Some wake the worker; others wait for its next look.

    A notification makes commits wait for each other, so what happens hundreds of times a second wakes nobody.
    """

    about: str
    fields: dict[str, str]
    wakes: bool = False


_ROWS = {
    "transaction_ids": f"which, where they are {MOST_IDS:,} or fewer",
    "count": "how many",
    "batch_id": "of which import, where it is one's",
}
_BATCH = {"batch_id": "the import", "account_id": "its account"}
_COUNTS = {
    "rows_in": "rows of the file",
    "loaded": "new transactions",
    "duplicate": "rows that were there already",
    "quarantined": "rows that could not be read",
}
_FIELDS = {"fields": "the names of what changed"}
_ATTACHED = {"attachment_id": "which", "transaction_id": "beside what"}
_RECEIPTS = {"document_ids": f"which, where they are {MOST_IDS:,} or fewer", "count": "how many"}
_RATE = {"base": "of which currency", "quote": "in which", "date": "of which day"}

_PATTERNS = f"which, where they are {MOST_IDS:,} or fewer"

KINDS: dict[str, Kind] = {
    "transaction.created": Kind("Transactions were written down, one or many at once.", _ROWS),
    "transaction.updated": Kind("Transactions were changed.", {**_ROWS, **_FIELDS}),
    "transaction.deleted": Kind("Transactions were taken out of the books.", _ROWS),
    "transaction.categorized": Kind(
        "Categories were decided.", {**_ROWS, "decided_by": "user, rule, recurring, merchant, import, model or llm"}
    ),
    "anomaly.found": Kind("Rows unlike the rest were found.", {"count": "new ones", "version": "by which rules"}),
    "import.completed": Kind(
        "An import ended: loaded, or held by its checks.",
        {**_BATCH, **_COUNTS, "status": "loaded or held", "source": "where the file came from"},
        wakes=True,
    ),
    "import.needs_answer": Kind("A file waits for an answer.", _BATCH),
    "import.failed": Kind("A file could not be read.", {**_BATCH, "code": "why: the problem's code"}),
    "import.undone": Kind(
        "An import was taken back.",
        {**_BATCH, "closed": "closed transactions", "given_back": "with former values", "left_alone": "edited since"},
    ),
    "import.replayed": Kind(
        "An import's file was read again and the books followed.",
        {**_BATCH, "counts": "how many lines of which kind"},
        wakes=True,
    ),
    "import.resubmitted": Kind("Rejected rows came back corrected.", {**_BATCH, "loaded": "new ones"}, wakes=True),
    "connection.connected": Kind("A connection was made, or made again.", {"connection_id": "which"}),
    "connection.failed": Kind(
        "A connection is not in step: somebody has to do something, or its provider has not answered for long.",
        {"connection_id": "which", "code": "why: the problem's code"},
    ),
    "connection.expiring": Kind("A connection's consent ends soon.", {"connection_id": "which", "expires_at": "when"}),
    "connection.expired": Kind(
        "A connection's consent is over.", {"connection_id": "which", "code": "why: the problem's code"}
    ),
    "connection.recovered": Kind("A connection is in step again.", {"connection_id": "which"}),
    "connection.disconnected": Kind(
        "A connection was ended.",
        {"connection_id": "which", "is_revoked": "whether its provider took the consent back too"},
    ),
    "receipt.matched": Kind(
        "Receipts were found to prove transactions, and lie beside them.",
        {**_RECEIPTS, "decided_by": "user or machine"},
    ),
    "receipt.needs_review": Kind("Receipts may prove transactions: a person is to say so.", _RECEIPTS),
    "rule.created": Kind("A rule was written.", {"rule_id": "which"}),
    "rule.updated": Kind("A rule was changed.", {"rule_id": "which", **_FIELDS}),
    "rule.deleted": Kind("A rule was deleted.", {"rule_id": "which"}),
    "rule.applied": Kind(
        "A rule was brought to the history.",
        {"rule_id": "which", "application_id": "the act, to be undone by it", "count": "changed transactions"},
    ),
    "rule.undone": Kind(
        "An application was taken back.",
        {"rule_id": "which", "application_id": "the act", "count": "transactions given back"},
    ),
    "transfer.paired": Kind(
        "A person paired two transactions.", {"transaction_ids": "the two", "transfer_id": "the pair"}
    ),
    "transfer.dissolved": Kind("A person took a pair apart, or said that it is none.", {"transaction_ids": "the two"}),
    "recurring.found": Kind("Payments were found to recur.", {"pattern_ids": _PATTERNS, "count": "how many patterns"}),
    "recurring.price_rise": Kind(
        "What recurs costs more than it did.", {"pattern_ids": _PATTERNS, "count": "how many patterns"}
    ),
    "recurring.missed": Kind(
        "What was due did not come, and nothing in its place.",
        {"pattern_ids": _PATTERNS, "count": "how many patterns"},
    ),
    "recurring.confirmed": Kind("A person said that it recurs.", {"pattern_id": "which"}),
    "recurring.dismissed": Kind("A person said that it does not recur, or is of no interest.", {"pattern_id": "which"}),
    "account.created": Kind("An account was opened.", {"account_id": "which"}),
    "account.updated": Kind("An account was changed.", {"account_id": "which", **_FIELDS}),
    "account.archived": Kind("An account was put away.", {"account_id": "which"}),
    "category.created": Kind("A category was made.", {"category_id": "which"}),
    "category.updated": Kind("A category was renamed or moved.", {"category_id": "which"}),
    "category.deleted": Kind(
        "A category was deleted.", {"category_id": "which", "into": "who has what it had, where anybody has"}
    ),
    "category.merged": Kind("A category was merged into another.", {"category_id": "which", "into": "the other"}),
    "attachment.added": Kind("A file was put beside a transaction.", _ATTACHED),
    "attachment.deleted": Kind("A file was taken away.", _ATTACHED),
    "budget.created": Kind("A budget was written down.", {"budget_id": "which"}),
    "budget.updated": Kind("A budget was changed.", {"budget_id": "which", **_FIELDS}),
    "budget.deleted": Kind("A budget was deleted.", {"budget_id": "which"}),
    "export.ready": Kind(
        "A file of the books was written.",
        {"export_id": "which", "what": "of what", "format": "in which format", "link": "where it is downloaded"},
    ),
    "report.ready": Kind(
        "A scheduled report was made: this is its delivery.",
        {
            "report_id": "the report",
            "schedule_id": "by which schedule",
            "report": "which report",
            "format": "in which format it is wanted",
            "recipients": "the members that it is for, by their user ids; left out: whoever listens",
            "link": "where it is downloaded",
            "due_at": "when it was due",
            "missed": "how many before it were not made, where any were",
        },
    ),
    "report.failed": Kind(
        "A scheduled report could not be made.",
        {"schedule_id": "by which schedule", "due_at": "when it was due", "code": "why: the problem's code"},
    ),
    "rate.set": Kind("The organization set an exchange rate of its own.", _RATE),
    "rate.deleted": Kind("An own exchange rate was taken away.", _RATE),
    "organization.updated": Kind("The organization was changed.", _FIELDS),
    "period.closed": Kind("The books were closed.", {"through": "the last closed day"}),
    "period.reopened": Kind("The books were opened again.", {"from": "the first open day"}),
    "member.joined": Kind("Somebody became a member, or was given a role anew.", {"user_id": "who", "role": "as what"}),
    "member.changed": Kind("A member was given another role.", {"user_id": "who", "role": "the new one"}),
    "member.removed": Kind("Somebody is no member any more.", {"user_id": "who"}),
    "invitation.created": Kind("Somebody was invited.", {"invitation_id": "which", "role": "as what"}),
    "invitation.revoked": Kind("An invitation was taken back.", {"invitation_id": "which"}),
    "api_key.created": Kind("An API key was made.", {"api_key_id": "which", "role": "what it may"}),
    "api_key.revoked": Kind("An API key was revoked.", {"api_key_id": "which"}),
}


class EventsForgotten(Problem):
    """Events after this one were forgotten; read what you keep anew, then go on from the newest event."""

    status = 410


@dataclass(frozen=True)
class Event:
    """Something that happened in an organization; `position` counts its events."""

    organization_id: UUID
    event_id: UUID
    position: int
    kind: str
    payload: dict[str, Any]
    actor: str
    occurred_at: datetime


COLUMNS = "organization_id, event_id, position, kind, payload, actor, occurred_at"


async def emit(db: Connection, organization_id: UUID, kind: str, payload: dict[str, Any]) -> UUID:
    """Tell that something happened; who listens hears it once this transaction commits."""
    known = KINDS[kind]
    unknown = payload.keys() - known.fields.keys()
    if unknown:
        raise ValueError(f"{kind} does not say {', '.join(sorted(unknown))}")
    event_id = new_id()
    values = {
        "organization_id": organization_id,
        "event_id": event_id,
        "kind": kind,
        "payload": Jsonb({name: _plain(value) for name, value in payload.items() if value is not None}),
        "channel": CHANNEL,
    }
    insert = """
        insert into events.events (organization_id, event_id, kind, payload)
        values (%(organization_id)s, %(event_id)s, %(kind)s, %(payload)s)
    """
    if known.wakes:
        insert = f"with told as ({insert} returning event_id) select pg_notify(%(channel)s, '') from told"  # noqa: S608
    await db.execute(insert, values)
    return event_id


async def emit_rows(
    db: Connection, organization_id: UUID, kind: str, transaction_ids: Sequence[UUID], **more: Any
) -> None:
    """Tell of an act on transactions; of nothing where there are none."""
    if transaction_ids:
        ids = list(transaction_ids) if len(transaction_ids) <= MOST_IDS else None
        await emit(db, organization_id, kind, {"transaction_ids": ids, "count": len(transaction_ids), **more})


async def after(
    db: Connection, organization_id: UUID, position: int, *, limit: int, kinds: Collection[str] = ()
) -> list[Event]:
    """The events that come next, in their order. Raises EventsForgotten where some of these are gone."""
    head = await one(
        db, "select forgotten_to from events.heads where organization_id = %(id)s", {"id": organization_id}
    )
    if head and position < head["forgotten_to"]:
        raise EventsForgotten(forgotten_to=head["forgotten_to"])
    found = await rows(
        db,
        f"""
        select {COLUMNS} from events.events
        where organization_id = %(organization_id)s and position > %(position)s
            and (%(kinds)s::text[] = '{{}}' or kind = any(%(kinds)s))
        order by position limit %(limit)s
        """,  # noqa: S608 - words of this file
        {"organization_id": organization_id, "position": position, "limit": limit, "kinds": list(kinds)},
    )
    return [Event(**row) for row in found]


async def count(db: Connection, organization_id: UUID, position: int, kinds: Collection[str]) -> int:
    """How many events there are after a position."""
    return await number(
        db,
        """
        select count(*)::int as events from events.events
        where organization_id = %(organization_id)s and position > %(position)s
            and (%(kinds)s::text[] = '{}' or kind = any(%(kinds)s))
        """,
        {"organization_id": organization_id, "position": position, "kinds": list(kinds)},
    )


async def forget(db: Connection, organization_id: UUID, older_than_days: int, consumers: Collection[str]) -> int:
    """Forget old events that all of these consumers have heard; says how many. `db` is the pipeline role's."""
    forgotten = await one(
        db,
        """
        with old as (
            delete from events.events as event using events.heads as head
            where head.organization_id = event.organization_id
                and event.organization_id = %(organization_id)s
                and event.occurred_at < now() - make_interval(days => %(days)s)
                and event.position <= all (
                    select coalesce(heard.position, 0)
                    from unnest(%(consumers)s::text[]) as wanted (consumer)
                    left join events.cursors as heard
                        on heard.organization_id = event.organization_id and heard.consumer = wanted.consumer
                )
                and not exists (
                    select from events.dead_letters as letter
                    where letter.organization_id = event.organization_id and letter.event_id = event.event_id
                )
            returning event.organization_id, event.position
        ),
        told as (
            update events.heads as head set forgotten_to = greatest(forgotten_to, gone.position)
            from (select organization_id, max(position) as position from old group by organization_id) as gone
            where head.organization_id = gone.organization_id
        )
        select count(*) as number from old
        """,
        {"organization_id": organization_id, "days": older_than_days, "consumers": list(consumers)},
    )
    return int(forgotten["number"]) if forgotten else 0


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, UUID) else value
