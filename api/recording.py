"""Recording: every request that changes something is told to the audit by the transaction that does it."""

import re
from uuid import UUID

from fastapi import Request, Response

from ai2.identity import audit
from ai2.identity.audit import Entity
from ai2.identity.principal import Principal
from ai2.kit.database import Connection, act_for
from api import roles

# They change nothing at all, or nothing that the audit should tell: a session is refreshed every few minutes.
UNRECORDED = frozenset(
    {"analyze_transaction", "analyze_tax", "calculate_tax", "preview_rules", "preview_effects", "refresh"}
)
# By convention an answer begins with the id of what it tells of.
ANSWERED_ID = re.compile(rb'\{"([a-z_]+_id)":"([0-9a-f-]{36})"')


def is_recorded(request: Request, operation: str) -> bool:
    """Whether the audit is told of this operation."""
    return request.method != "GET" and operation not in UNRECORDED


async def record(request: Request, operation: str, db: Connection) -> None:
    """Tell the audit of what was done, if it was done now: not of a repeat, and not of a refusal."""
    response: Response | None = getattr(request.state, "answer", None)
    who: Principal | None = getattr(request.state, "principal", None)
    if response is None or who is None:
        return
    if operation in roles.PUBLIC:  # the caller is known only now
        await act_for(db, who.organization_id, actor=who.actor)
    named = [(name, text) for name, text in request.path_params.items() if name.endswith("_id")]
    details: dict[str, object] = {"status": response.status_code, **dict(named[1:])}
    details |= getattr(request.state, "told", {})  # what only the route knows to be of interest
    # a body that is empty of meaning, such as 0, changes nothing and names nothing
    if request.method == "PATCH" and isinstance(given := await request.json(), dict):
        details["fields"] = sorted(given)
    await audit.record(
        db,
        who.organization_id,
        actor=who.actor,
        operation=operation,
        entity=_entity(named, bytes(response.body)),
        details=details,
    )


def _entity(named: list[tuple[str, str]], answer: bytes) -> Entity | None:
    """What an operation is about: the first that its address names, or else the id that its answer begins with."""
    if not named:
        found = ANSWERED_ID.match(answer)
        named = [(found[1].decode(), found[2].decode())] if found else []
    return Entity(named[0][0].removesuffix("_id"), UUID(named[0][1])) if named else None
