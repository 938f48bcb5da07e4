"""Commands for the keys that sign access tokens, and for the one that seals all others."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ai2.cli.output import console, print_json, problems

app = typer.Typer(name="keys", help="The keys that sign access tokens, and the master key.", no_args_is_help=True)


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show the keys that are published: the next one, the one that signs, and those that are still believed."""
    with problems(as_json=as_json):
        found = _keys()
        if as_json:
            print_json(found)
            return
        for key in found:
            console.print(f"{key['kid']}  {_told(key)}", markup=False)


@app.command("rotate")
def rotate(
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Trust the former keys no more: refuse every token they signed.")
    ] = False,
) -> None:
    """Publish a new key, which signs ten minutes later. Running servers notice by themselves.

    The former key is believed until the tokens that it signed have expired.
    """
    with problems():
        from ai2.kit import token_keys
        from ai2.kit.settings import settings

        token_keys.rotate(settings().home, compromised=compromised)
        for key in _keys():
            console.print(f"{key['kid']}  {_told(key)}", markup=False)


@app.command("rotate-master")
def rotate_master() -> None:
    """Seal every organization's key by a new master key, while servers run. Broken off, it goes on when run again.

    Where AI2_MASTER_KEY or AI2_MASTER_KEY_FILE has the keys, put the new one in front of the former one there, start
    everything again, and run this: it says when the former one may be taken away.
    """
    with problems():
        from ai2.cli.home import databases, server
        from ai2.identity import rotation
        from ai2.kit import master_keys

        async def rotate() -> rotation.Rotated:
            async with databases() as (_, pipeline):
                return await rotation.rotate(pipeline, told=lambda text: console.print(text, markup=False))

        with server():
            done = asyncio.run(rotate())
        console.print(f"{done.sealed_anew} sealed anew, {done.checked} in all are sealed by the new key", markup=False)
        if not master_keys.is_ours():
            console.print("only the first master key is needed now: take the former ones away", markup=False)


def _keys() -> list[dict[str, Any]]:
    from ai2.kit import token_keys

    now = datetime.now(UTC)
    return [
        {"kid": key.kid, "state": key.state(now), "signs_from": _instant(key.signs_from),
         "believed_until": _instant(key.believed_until)}
        for key in token_keys.believed(again=True)
    ]  # fmt: skip


def _instant(at: datetime | None) -> str | None:
    """None for the first key, which has always signed."""
    return at.isoformat().replace("+00:00", "Z") if at and at.timestamp() else None


def _told(key: dict[str, Any]) -> str:
    since = f" from {key['signs_from']}" if key["signs_from"] else ""
    until = f", believed until {key['believed_until']}" if key["believed_until"] else ""
    return {"next": "will sign", "signs": "signs", "former": "signed"}[key["state"]] + since + until
