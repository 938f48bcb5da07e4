"""`ai2 models`: what serves is listed, changed and taken back, told to the audit, and no failed gate is passed over."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from typer.testing import CliRunner

from ai2.cli import app
from ai2.identity import audit, organizations
from ai2.kit.database import Database, Role, connection_parameters
from ai2.kit.ids import new_id
from ml import registry
from ml.categoriser.model import Trained
from ml.governance import succession


def ai2(*words: str) -> tuple[int, str]:
    """The exit code, and what it says: of success or of trouble."""
    answer = CliRunner().invoke(app, ["models", *words])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout or answer.stderr


def register(tiny: Trained, *, is_passed: bool) -> str:
    return registry.register(
        tiny.pipeline, measured=tiny.measured, metrics={}, params={}, data={"sha256": "abc", "rows": 3},
        code_version="0.1.0", gates=[{"name": "coverage", "is_passed": is_passed}],
    ).version  # fmt: skip


def serving() -> str | None:
    return next((each.about.version for each in succession.versions() if each.role == "champion"), None)


def audited(organization_id: UUID) -> list[tuple[str, dict[str, object] | None]]:
    """What the audit of an organization says of models."""

    async def look() -> list[tuple[str, dict[str, object] | None]]:
        async with Database() as database, database.transaction(organization_id) as db:
            entries = await audit.page(db, organization_id, limit=20)
        return [(each.operation, each.details) for each in reversed(entries) if "model" in each.operation]

    return asyncio.run(look())


async def begin(database: Database, *, broken: bool) -> UUID:
    """An organization with one entry in its audit. Broken: who holds the database put its head back."""
    async with database.transaction() as db:
        whose = (await organizations.create(db, name=str(new_id()), base_currency="GBP")).organization_id
    async with database.transaction(whose) as db:
        await audit.record(db, whose, actor="operator", operation="create_organization")
    if broken:
        known = connection_parameters(Role.ADMIN)
        async with await AsyncConnection.connect(**known, autocommit=True) as intruder:
            await intruder.execute("set session_replication_role = replica")
            await intruder.execute("update audit.heads set number = 0 where organization_id = %s", [whose])
    return whose


@pytest.fixture
def operator(server: None) -> UUID:
    """An organization, which on a server of one tenant is the operator's."""

    async def make() -> UUID:
        async with Database() as database, database.transaction() as db:
            made = await organizations.create(db, name=f"Operators {new_id()}", base_currency="GBP")
        return made.organization_id

    return asyncio.run(make())


def test_versions_are_promoted_and_taken_back(use_registry: Callable[..., Path], tiny: Trained, operator: UUID) -> None:
    use_registry()
    first, second = register(tiny, is_passed=True), register(tiny, is_passed=False)
    assert ai2("rollback", "--here")[0] == 1
    assert ai2("promote", first, "--here") == (0, f"Version {first} serves.\n")

    refused, said = ai2("promote", second, "--here")
    assert (refused, "coverage" in said, serving()) == (1, True, first)
    assert ai2("promote", second, "--here", "--force", "a trial")[0] == 0
    shown = json.loads(ai2("list", "--here", "--json")[1])
    assert {each["version"]: each["role"] for each in shown} == {first: "former", second: "champion"}
    assert "failed coverage" in ai2("list", "--here")[1]

    assert ai2("rollback", "--here") == (0, f"Version {first} serves.\n")
    told = [(operation, (details or {}).get("version")) for operation, details in audited(operator)]
    assert told == [("promote_model", first), ("promote_model", second), ("roll_back_model", first)]
    assert audited(operator)[1][1] == {"model": "categoriser", "version": second, "reason": "a trial"}


def test_a_broken_chain_is_told_and_keeps_no_other_from_being_told(
    use_registry: Callable[..., Path], tiny: Trained, server: None
) -> None:
    async def make() -> tuple[UUID, UUID]:
        async with Database() as database:
            return await begin(database, broken=True), await begin(database, broken=False)

    broken, whole = asyncio.run(make())
    use_registry()
    answer = CliRunner().invoke(app, ["models", "promote", register(tiny, is_passed=True), "--here"])
    assert (answer.exit_code, str(broken) in answer.stderr, str(whole) in answer.stderr) == (0, True, False)
    assert [operation for operation, _ in audited(whole)] == ["promote_model"]
