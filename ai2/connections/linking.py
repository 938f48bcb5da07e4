"""Linking: which of the organization's accounts a provider's account is."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.connections import repository
from ai2.identity import organizations
from ai2.ingest.sources.model import RemoteAccount
from ai2.kit.database import Connection

MOST_OF_A_NAME = 50


async def link(
    db: Connection, organization_id: UUID, connection_id: UUID, name: str, told: Iterable[RemoteAccount]
) -> None:
    """Write down what a provider tells of its accounts, and open ours for those that are none of ours yet.

    An account is known by its key; by what it is recognised by where a new consent gave it another key; by its number
    and currency among the organization's accounts, so that a feed continues what files began.
    """
    remotes = list({remote.key: remote for remote in told}.values())
    known = await repository.accounts(db, organization_id, connection_id)
    moved = recognised(known, remotes)
    if moved:
        keys = {row["account_key"]: key for key, row in moved.items()}
        await repository.move_accounts(db, organization_id, connection_id, keys)
    ours = {row["account_key"]: row["account_id"] for row in known} | {
        key: row["account_id"] for key, row in moved.items()
    }
    new = [remote for remote in remotes if remote.key not in ours]
    if new:
        ours |= await _found(db, organization_id, name, new, taken=[row["account_id"] for row in known])
    await repository.put_accounts(db, organization_id, connection_id, [(each, ours[each.key]) for each in remotes])


async def link_to(
    db: Connection,
    organization_id: UUID,
    connection_id: UUID,
    name: str,
    remote: RemoteAccount,
    account_id: UUID | None,
) -> None:
    """Let the first account of a connection be this one of ours; without one, the one that it must be, or a new one."""
    if account_id is None:
        await link(db, organization_id, connection_id, name, [remote])
        return
    await accounts.check_theirs(db, organization_id, [account_id])
    await repository.put_accounts(db, organization_id, connection_id, [(remote, account_id)])


def recognised(
    known: Collection[Mapping[str, Any]], remotes: Collection[RemoteAccount]
) -> dict[str, Mapping[str, Any]]:
    """By its new key each account that was known by another. Where two look alike nobody is taken for the other."""
    told, there = {remote.key for remote in remotes}, {row["account_key"] for row in known}
    gone: dict[str | None, list[Mapping[str, Any]]] = defaultdict(list)
    new: dict[str, list[str]] = defaultdict(list)
    for row in known:
        if row["account_key"] not in told:
            gone[row["match"]].append(row)
    for remote in remotes:
        if remote.match and remote.key not in there:
            new[remote.match].append(remote.key)
    return {keys[0]: gone[match][0] for match, keys in new.items() if len(keys) == len(gone[match]) == 1}


async def _found(
    db: Connection, organization_id: UUID, name: str, remotes: Iterable[RemoteAccount], *, taken: Iterable[UUID]
) -> dict[str, UUID]:
    """Each one's account, by its key: that of its number and currency that no other one is, or a new one."""
    everyone, away = await accounts.list_all(db, organization_id, archived=True), set(taken)
    base_currency = (await organizations.get(db, organization_id)).base_currency
    used = {each.name.casefold() for each in everyone}
    found: dict[str, UUID] = {}
    for remote in remotes:
        currency = remote.currency or base_currency
        same = [
            each.account_id
            for each in everyone
            if remote.number and (each.number, each.currency) == (remote.number, currency)
            and each.archived_at is None and each.account_id not in away
        ]  # fmt: skip
        if len(same) == 1:
            found[remote.key] = same[0]
        else:
            called = _free(_called(name, remote), used)
            opened = await accounts.create(
                db, organization_id, name=called, currency=currency, kind=remote.kind, number=remote.number
            )
            found[remote.key] = opened.account_id
            used.add(called.casefold())
        away.add(found[remote.key])
    return found


def _called(name: str, remote: RemoteAccount) -> str:
    return name if remote.name == name else f"{name} {remote.name}"[:MOST_OF_A_NAME].strip()


def _free(name: str, used: set[str]) -> str:
    """The name, with a number behind it where it is taken."""
    tried, number = name, 1
    while tried.casefold() in used:
        number += 1
        tried = f"{name} {number}"
    return tried
