"""Loading: the rules' files into the database, and from there into memory: when they change, without a restart.

A file that changed is loaded once, by whichever process sees it first; the others read what it loaded. What is in the
tables only grows, so that processes with older files beside those with newer ones do not take each other's rules away.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from ai2.books.moments import Moment
from ai2.kit import logs
from ai2.kit.database import Connection, Database, Role
from ai2.kit.errors import FieldError, Invalid, Unavailable
from ml.tax import files, ledger, repository
from ml.tax.rows import Row, RuleUnreadable
from ml.tax.rules import Rules

# How long what is in memory is believed before somebody looks again.
BELIEVED_S = 2.0
# So many former states of the rules are kept in memory.
REMEMBERED = 4


class RulesUnusable(Unavailable):
    """The files of the tax rules cannot be used; an operator finds the reason in the log, or by `ai2 tax check`."""


class NoRulesThen(Invalid):
    """No tax rules were loaded by then; ask as of a later moment."""


@dataclass(frozen=True)
class Loaded:
    """What a load did."""

    added: int
    closed: int


@dataclass
class _Memory:
    """What this process knows, and when it looked last. The signature tells that a file was written."""

    rules: Rules | None = None
    looked_at: float = float("-inf")
    signature: tuple[tuple[str, int, int], ...] = ()
    digest: str = ""
    # what was asked for as of the past, by digest
    former: dict[str, Rules] = field(default_factory=dict)


_memory = _Memory()


async def current(db: Connection, folder: Path = files.FOLDER) -> Rules:
    """The rules as they are now. Most times this is a look into memory."""
    now = time.monotonic()
    if _memory.rules is not None and now - _memory.looked_at < BELIEVED_S:
        return _memory.rules
    signature = files.signature(folder)
    unusable: RulesUnusable | None = None
    if signature != _memory.signature:
        unusable = await _load_once(db, folder)
    state = await repository.loads(db)
    if unusable and not state:
        raise unusable
    if _memory.rules is None or _memory.rules.digest != state:
        _memory.rules = Rules(await repository.all_rules(db), state)
    _memory.signature, _memory.looked_at = signature, now
    return _memory.rules


async def known_at(db: Connection, moment: Moment) -> Rules:
    """The rules as they were loaded at a moment; those of memory, where nothing was loaded since. Raises NoRulesThen.

    Whoever asks for the present has had them loaded before its moment.
    """
    state = await repository.loads(db, moment)
    if not state:
        raise NoRulesThen(errors=(FieldError("as_of", "is not before tax rules were loaded"),))
    if _memory.rules is not None and _memory.rules.digest == state:
        return _memory.rules
    if state not in _memory.former:
        if len(_memory.former) >= REMEMBERED:
            _memory.former.clear()
        _memory.former[state] = Rules(await repository.rules_known(db, moment), state)
    return _memory.former[state]


async def _load_once(db: Connection, folder: Path) -> RulesUnusable | None:
    """Load the files, unless their state was loaded before; what was loaded before them stays where they are unusable.

    Only the pipeline's role may write rules.
    """
    digest = await asyncio.to_thread(files.digest, folder)
    if digest == _memory.digest or await repository.is_loaded(db, digest):
        _memory.digest = digest
        return None
    try:
        async with Database(Role.PIPELINE) as pipeline:
            await refresh(pipeline, folder)
    except RulesUnusable as unusable:
        logs.logger().error("the tax rules are unusable", reason=unusable.detail)
        return unusable
    _memory.digest = digest
    return None


async def refresh(pipeline: Database, folder: Path = files.FOLDER) -> Loaded:
    """Load what is new in the files. Again, it changes nothing. Raises RulesUnusable, and then loads nothing.

    `pipeline` is the pipeline role's database.
    """
    digest = await asyncio.to_thread(files.digest, folder)
    try:
        wanted = await asyncio.to_thread(files.read_all, folder)
    except RuleUnreadable as error:
        raise RulesUnusable(str(error)) from error
    async with pipeline.transaction() as db:
        if await repository.is_loaded(db, digest):
            return Loaded(0, 0)
        await repository.lock_rules(db)
        if await repository.is_loaded(db, digest):
            return Loaded(0, 0)
        known = {ledger.key(row): row for row in await repository.all_rules(db)}
        added, closed = _difference(wanted, known)
        await repository.add_rules(db, added)
        if closed:
            await repository.close_rules(db, closed)
        await repository.keep_load(db, digest, added=len(added), closed=len(closed))
    return Loaded(len(added), len(closed))


def _difference(wanted: list[Row], known: dict[ledger.Key, Row]) -> tuple[list[Row], list[Row]]:
    """Rows that are new, and rows that have ended since; what was edited is refused."""
    added = [row for row in wanted if ledger.key(row) not in known]
    kept = [(row, known[ledger.key(row)]) for row in wanted if ledger.key(row) in known]
    for row, former in kept:
        if row.digest() != former.digest():
            raise RulesUnusable(f"{row.rule_id} from {row.valid_from} was edited; close it and append another row")
    # an older file that has it open still does not open it again
    return added, [row for row, former in kept if row.valid_to and former.valid_to is None]
