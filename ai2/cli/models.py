"""Commands for the model that all organizations share: its versions, what serves, and its card."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ai2.cli.output import console, print_json, problems, trouble

if TYPE_CHECKING:
    from uuid import UUID

    from ml.copies import About

app = typer.Typer(name="models", help="The model that all organizations share.", no_args_is_help=True)
Here = Annotated[bool, typer.Option("--here", help="Act on the copies here, though this home has an MLflow.")]


@app.command("list")
def list_(
    here: Here = False, as_json: Annotated[bool, typer.Option("--json", help="As JSON, with every figure.")] = False
) -> None:
    """Show the versions, which of them serves, and which gates each failed."""
    with problems(as_json=as_json):
        _find_mlflow(here=here)
        from ml.governance import succession

        found = succession.versions()
        if as_json:
            print_json([{**vars(each.about), "role": each.role} for each in found])
            return
        for each in found:
            failed = [gate["name"] for gate in each.about.gates if gate["is_passed"] is False]
            held = f"failed {', '.join(failed)}" if failed else "passed its gates"
            console.print(f"{each.about.version}  {each.role or '-'}  {each.about.trained_at}  {held}", markup=False)


@app.command("promote")
def promote(
    version: Annotated[str, typer.Argument(help="As `ai2 models list` shows it.")],
    reason: Annotated[str | None, typer.Option("--force", help="Although it failed a gate; says why.")] = None,
    here: Here = False,
) -> None:
    """Let a version answer for everyone, in all processes within seconds."""
    from ai2.kit.errors import Conflict

    def act() -> "About":
        from ml.governance import succession

        wanted = succession.version(version).about
        failed = [gate["name"] for gate in wanted.gates if gate["is_passed"] is False]
        if failed and not reason:
            raise Conflict(f"It failed {', '.join(failed)}; promote another, or say --force and why.")
        return succession.promote(wanted, by="operator")

    _change(act, "promote_model", here=here, reason=reason)


@app.command("rollback")
def rollback(here: Here = False) -> None:
    """Let what answered before answer again, in all processes within seconds."""

    def act() -> "About":
        from ml.governance import succession

        return succession.rollback(by="operator")

    _change(act, "roll_back_model", here=here)


@app.command("retrain")
def retrain(here: Here = False) -> None:
    """Let serve what was tried long enough, train a challenger now, and hold it to the gates."""
    with problems():
        _find_mlflow(here=here)
        from ai2.cli.home import server

        with server(), trouble.status("Training"):
            done = asyncio.run(_retrain())
        for gate in done.gates:
            said = {True: "passed", False: "failed", None: "not judged"}[gate["is_passed"]]
            console.print(f"{gate['name']}: {said}", markup=False)
        now = "it serves" if done.is_promoted else "it is tried beside what serves"
        console.print(f"Version {done.version} is trained; {now}.", markup=False)


def card(
    out: Annotated[Path | None, typer.Option(help="Write it there, and not to the screen.")] = None, here: Here = False
) -> None:
    """Write the model card: every number of what serves, with its data and split."""
    with problems():
        _find_mlflow(here=here)
        from ai2.kit.errors import NotFound
        from ml.governance import card as cards

        text = cards.current()
        if text is None:
            raise NotFound("No model serves yet; `ai2 models retrain` trains one.")
        if out:
            out.write_text(text, encoding="utf-8")
        else:
            console.print(text, markup=False, soft_wrap=True)


def _change(act: "Callable[[], About]", operation: str, *, here: bool, reason: str | None = None) -> None:
    with problems():
        _find_mlflow(here=here)
        from ai2.cli.home import server

        serving = act()
        with server():
            asyncio.run(_record(operation, {"version": serving.version, **({"reason": reason} if reason else {})}))
        console.print(f"Version {serving.version} serves.", markup=False)


def _find_mlflow(*, here: bool) -> None:
    """Use the MLflow that `ai2 up` runs for this home. One that should run and does not is not passed over."""
    from ai2.kit.errors import Unavailable
    from ai2.kit.settings import settings

    using = settings()
    if here or using.mlflow_tracking_uri or not (using.home / "mlflow").exists():
        return
    if not _answers(f"{using.mlflow_url}/health"):
        raise Unavailable("MLflow of this home does not run; start it with `ai2 up`, or say --here.")
    os.environ["MLFLOW_TRACKING_URI"] = using.mlflow_url
    settings.cache_clear()


def _answers(address: str) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False


async def _retrain() -> Any:
    from ai2 import flows
    from ai2.cli import home

    async with home.databases() as (_, pipeline):
        return await flows.retrain(pipeline)


async def _record(operation: str, details: dict[str, Any]) -> None:
    """Tell the audit of every operator's organization. One whose chain is broken does not keep it from the others."""
    from psycopg import IntegrityError

    from ai2.cli import home
    from ai2.identity import audit
    from ai2.kit.envelope import Tampered

    details = {"model": "categoriser", **details}
    async with home.databases() as (database, pipeline):
        for organization_id in await _operators(pipeline):
            try:
                async with database.transaction(organization_id) as db:
                    await audit.record(db, organization_id, actor="operator", operation=operation, details=details)
            except (IntegrityError, Tampered):
                trouble.print(f"The audit of {organization_id} takes no entry: see `ai2 audit`.", markup=False)


async def _operators(pipeline: Any) -> "list[UUID]":
    from ai2.identity import organizations
    from ai2.kit.settings import settings

    using = settings()
    async with pipeline.transaction() as db:
        known = [each.organization_id for each in await organizations.all_of_them(db)]
    if using.operator_organizations:
        return [each for each in known if each in using.operator_organizations]
    return [] if using.enable_multi_tenant else known
