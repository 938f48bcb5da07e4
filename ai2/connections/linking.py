"""Linking: which of the organization's accounts a provider's account is."""

from collections.abc import Iterable
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
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
    known = await repository.accounts(db, organization_id, connection_id)
    by_key = {row["account_key"]: row for row in known}
    keys = {remote.key for remote in told}
    by_match = {row["match"]: row for row in known if row["match"] and row["account_key"] not in keys}
    for remote in told:
        former = by_key.get(remote.key) or by_match.get(remote.match or "")
        if former and former["account_key"] != remote.key:
            await repository.move_account(db, organization_id, connection_id, former["account_key"], remote.key)
        if former:
            await _put(db, organization_id, connection_id, remote, former["account_id"])
        else:
            await link_to(db, organization_id, connection_id, name, remote, None)


async def link_to(
    db: Connection,
    organization_id: UUID,
    connection_id: UUID,
    name: str,
    remote: RemoteAccount,
    account_id: UUID | None,
) -> None:
    """Let a provider's account be this one of ours; without one, the one that it must be, or a new one."""
    if account_id is not None:
        await accounts.check_theirs(db, organization_id, [account_id])
    else:
        account_id = (await _ours(db, organization_id, connection_id, name, remote)).account_id
    await _put(db, organization_id, connection_id, remote, account_id)


async def _put(
    db: Connection, organization_id: UUID, connection_id: UUID, remote: RemoteAccount, account_id: UUID | None
) -> None:
    await repository.put_account(
        db, organization_id, connection_id, account_key=remote.key, account_id=account_id, name=remote.name,
        currency=remote.currency, kind=remote.kind, number=remote.number, match=remote.match,
    )  # fmt: skip


async def _ours(
    db: Connection, organization_id: UUID, connection_id: UUID, name: str, remote: RemoteAccount
) -> Account:
    """The account of this number and currency that no other of the connection's is, or a new one."""
    currency = remote.currency or (await organizations.get(db, organization_id)).base_currency
    taken = {row["account_id"] for row in await repository.accounts(db, organization_id, connection_id)}
    everyone = await accounts.list_all(db, organization_id)
    same = [
        each
        for each in everyone
        if remote.number and each.number == remote.number and each.currency == currency
        and each.account_id not in taken
    ]  # fmt: skip
    if len(same) == 1:
        return same[0]
    used = {each.name.casefold() for each in await accounts.list_all(db, organization_id, archived=True)}
    return await accounts.create(
        db, organization_id, name=_free(_called(name, remote), used), currency=currency,
        kind=remote.kind, number=remote.number,
    )  # fmt: skip


def _called(name: str, remote: RemoteAccount) -> str:
    return name if remote.name == name else f"{name} {remote.name}"[:MOST_OF_A_NAME].strip()


def _free(name: str, used: set[str]) -> str:
    """The name, with a number behind it where it is taken."""
    tried, number = name, 1
    while tried.casefold() in used:
        number += 1
        tried = f"{name} {number}"
    return tried
