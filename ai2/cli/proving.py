"""The command that holds the books against what banks say."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ai2.cli.output import console, problems

if TYPE_CHECKING:
    from ai2.books.accounts.service import Account
    from ai2.ingest.balances.proof import Proof
    from ai2.ingest.balances.suspects import Suspect

BROKEN = 1


@dataclass(frozen=True)
class _Shown:
    """An account's name and what the proof says of it, in lines."""

    name: str
    lines: list[str]
    breaks: bool


def prove(
    account: Annotated[str | None, typer.Option(help="The account's name; all of them without one.")] = None,
    organization: Annotated[str | None, typer.Option(help="Name or id; not needed where there is only one.")] = None,
) -> None:
    """Hold every account against the balances that its bank states. Exit code 1 where one does not hold."""
    with problems():
        from ai2.cli.home import server

        with server():
            shown = asyncio.run(_prove(account, organization))
        for one in shown:
            console.print(one.name, style="bold", markup=False)
            for line in one.lines:
                console.print(f"  {line}", markup=False)
        if any(one.breaks for one in shown):
            raise typer.Exit(BROKEN)


async def _prove(account: str | None, organization: str | None) -> list[_Shown]:
    from ai2.books.accounts import service as accounts
    from ai2.books.accounts.service import AccountNotFound
    from ai2.cli import home
    from ai2.ingest import balances

    async with home.databases() as (database, pipeline):
        owner = await home.organization(pipeline, organization)
        async with database.transaction(owner.organization_id) as db:
            everyone = await accounts.list_all(db, owner.organization_id)
            wanted = [one for one in everyone if account is None or one.name.lower() == account.lower()]
            if account is not None and not wanted:
                raise AccountNotFound(f"There is no account of this name; there are {_names(everyone)}.")
            found = []
            for one in wanted:
                proof = await balances.proof(db, owner.organization_id, one.account_id)
                broken = proof.first_break
                suspects = (
                    await balances.suspects_of(db, owner.organization_id, one.account_id, broken) if broken else []
                )
                found.append(_Shown(one.name, list(_lines(proof, suspects, one.currency)), broken is not None))
    return found


def _names(everyone: "Iterable[Account]") -> str:
    return ", ".join(one.name for one in everyone) or "none"


def _lines(proof: "Proof", suspects: "Iterable[Suspect]", currency: str) -> Iterator[str]:
    from ai2.kit.money import exact

    if proof.opening_is == "stated":
        yield f"begins with what the bank states for {proof.anchored_on}"
    if proof.state == "unproven":
        yield "unproven: its bank states nothing to prove it by"
    elif proof.state == "holds":
        yield f"holds until {proof.proven_until}"
    if broken := proof.first_break:
        since = f"held until {proof.proven_until}; " if proof.proven_until else ""
        more = "more" if broken.difference > 0 else "less"
        yield f"{since}breaks on {broken.booked_on}: the bank has {exact(abs(broken.difference), currency)} {more}"
    for suspect in suspects:
        yield f"  {suspect.score:.2f} {suspect.kind}: {suspect.reason} {suspect.what_to_do}"
        if suspect.transaction_ids:
            yield f"       transactions {', '.join(map(str, suspect.transaction_ids))}"
        if suspect.lines:
            yield f"       lines {', '.join(f'{line.line_number} of {line.batch_id}' for line in suspect.lines)}"
