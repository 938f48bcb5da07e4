"""The database: who connects where, one pool a process, one transaction a request."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncClientCursor, AsyncConnection, DatabaseError, OperationalError, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ai2.kit import postgres
from ai2.kit.errors import Problem, Unavailable
from ai2.kit.secrets import secrets
from ai2.kit.settings import Settings, settings

Connection = AsyncConnection[DictRow]
# What is asked of it, and with which parameters.
Query = tuple[str, dict[str, Any]]

# Refusals that the database makes itself, by their SQLSTATE: who owns such a rule says here what its problem is.
REFUSALS: dict[str, Callable[[DatabaseError], Problem]] = {}

ACT_FOR = "select set_config('app.organization_id', %s, true), set_config('app.actor', %s, true)"

# From so many rows on a statement is planned for many, and what a sort of many rows may hold before it goes to disk.
MANY, MANY_IN_MEMORY = 2000, "128MB"


class DatabaseDown(Unavailable):
    """The database does not answer; try again shortly."""


class Collided(DatabaseDown):
    """Others were changing the same just then; try again shortly."""


class Role(StrEnum):
    """Database roles. The API's owns nothing; the pipeline's sees every tenant by explicit policies."""

    ADMIN = "postgres"
    OWNER = "ai2_owner"
    API = "ai2_api"
    PIPELINE = "ai2_pipeline"
    DAGSTER = "dagster"
    MLFLOW = "mlflow"


def connection_parameters(role: Role, dbname: str = "ai2", using: Settings | None = None) -> dict[str, Any]:
    """libpq parameters for a role: the server of `DATABASE_URL`, or the embedded one by its socket."""
    using = using or settings()
    password = secrets(using.home).passwords[role]
    if using.database_url is None:
        host = str(postgres.socket_folder(using.home))
        return {"host": host, "dbname": dbname, "user": str(role), "password": password}
    server = conninfo_to_dict(using.database_url.get_secret_value())
    if dbname == "ai2":
        dbname = str(server.get("dbname") or dbname)
    return {**server, "dbname": dbname, "user": str(role), "password": password}


def sqlalchemy_url(role: Role, dbname: str, driver: str, using: Settings | None = None) -> str:
    """The same as an SQLAlchemy URL, for the tools that want one."""
    from sqlalchemy import URL

    known = connection_parameters(role, dbname, using)
    host, port = known.pop("host", None), known.pop("port", None)
    user, password, name = known.pop("user"), known.pop("password"), known.pop("dbname")
    query = {str(key): str(value) for key, value in known.items()}
    if host and Path(host).is_absolute():
        query["host"], host = host, None
    url = URL.create(f"postgresql+{driver}", user, password, host, int(port) if port else None, name, query=query)
    return url.render_as_string(hide_password=False)


class Database:
    """A pool of one role's connections. Open it in the event loop that uses it."""

    def __init__(self, role: Role = Role.API, using: Settings | None = None) -> None:
        using = using or settings()
        self.role = role
        self._pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
            make_conninfo(**_in_utc(connection_parameters(role, using=using)), application_name="ai2"),
            min_size=1,
            max_size=using.database_pool_max,
            timeout=5,
            open=False,
            # each transaction begins by itself, with what else is said then
            kwargs={"row_factory": dict_row, "autocommit": True},
        )

    async def __aenter__(self) -> "Database":
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(
        self,
        organization_id: UUID | None = None,
        *,
        actor: str = "system",
        first: Callable[[Connection], Awaitable[None]] | None = None,
        last: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Connection]:
        """One database transaction, seeing one organization's rows (none, where none is named).

        `actor` is who the history says did it: `user:<id>`, `api_key:<id>`, `batch:<id>`, `rules` or `system`. What
        `first` asks before it reads an answer travels with the begin: one round trip instead of many. So does what
        `last` writes with the commit, where all went well.
        """
        try:
            async with self._pool.connection() as db:  # at its end the connection commits, or rolls back
                await _begin(db, organization_id, actor, first)
                yield db
                if last:
                    async with db.pipeline():
                        await last(db)
                        await db.commit()
        except (errors.DeadlockDetected, errors.SerializationFailure) as error:
            raise Collided from error
        except (PoolTimeout, OperationalError) as error:
            raise DatabaseDown from error
        except DatabaseError as error:
            refusal = REFUSALS.get(error.sqlstate or "")
            if refusal is None:
                raise
            raise refusal(error) from None


def _in_utc(known: dict[str, Any]) -> dict[str, Any]:
    """Instants are UTC, whatever the server's own time zone."""
    return {**known, "options": f"{known.get('options', '')} -c TimeZone=UTC".strip()}


async def _begin(
    db: Connection, organization_id: UUID | None, actor: str, first: Callable[[Connection], Awaitable[None]] | None
) -> None:
    """Begin a transaction, in one round trip."""
    if first:
        async with db.pipeline():
            await db.execute("begin")
            if organization_id or actor != "system":
                await act_for(db, organization_id, actor=actor)
            await first(db)
    elif organization_id or actor != "system":
        # sent as one text, which takes half the work of a pipeline
        await AsyncClientCursor(db).execute(f"begin; {ACT_FOR}", [str(organization_id or ""), actor])
    else:  # nothing is asked yet: who wants another isolation may say so
        await db.execute("begin")


async def act_for(db: Connection, organization_id: UUID | None, *, actor: str = "system") -> None:
    """Let the rest of this transaction see this organization's rows, and be done by this actor."""
    await db.execute(ACT_FOR, [str(organization_id or ""), actor])


@asynccontextmanager
async def done_by(db: Connection, actor: str) -> AsyncIterator[None]:
    """Let the history say that another actor did this: what an import changes is no person's edit."""
    known = await one(
        db, "select current_setting('app.actor', true) as actor, set_config('app.actor', %(to)s, true)", {"to": actor}
    )
    yield
    await db.execute("select set_config('app.actor', %s, true)", [(known or {})["actor"] or ""])


@asynccontextmanager
async def planned_for(db: Connection, number: int) -> AsyncIterator[None]:
    """Have statements over this many rows planned for many.

    Of rows that this transaction wrote, or that came since the last `analyze`, the planner expects few: it would
    look each of a million up, or read them in an order that is none on the disk.
    """
    if number < MANY:
        yield
        return
    await db.execute("set local enable_nestloop = off; set local enable_indexscan = off")
    yield
    await db.execute("set local enable_nestloop = on; set local enable_indexscan = on")


@asynccontextmanager
async def hashed(db: Connection) -> AsyncIterator[None]:
    """Have statements join and group by hashing: the planner expects few rows where there are many, and sorts them."""
    await db.execute("set local enable_mergejoin = off; set local enable_sort = off")
    yield
    await db.execute("set local enable_mergejoin = on; set local enable_sort = on")


async def allow_memory(db: Connection) -> None:
    """Let this transaction sort and hash many rows in memory; the default is for questions about few."""
    await db.execute(f"set local work_mem = '{MANY_IN_MEMORY}'")


async def hold(db: Connection, table: str, **key: object) -> None:
    """Let nobody else change this row until our transaction ends: what we read of it now is its newest, and stays so.

    Who refers to the row does not wait.
    """
    same = sql.SQL(" and ").join(sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in key)
    query = sql.SQL("select from {} where {} for no key update").format(sql.Identifier(*table.split(".")), same)
    await db.execute(query, key)


async def rows(db: Connection, query: str, parameters: dict[str, Any] | None = None) -> list[DictRow]:
    """All rows of a query, as dictionaries."""
    return await (await db.execute(query, parameters)).fetchall()


async def at_once(db: Connection, asked: Query, **lists: Query) -> DictRow | None:
    """The one row of a query, and beside it the rows of others by their names: one statement, one round trip.

    What stands in the lists was JSON: ids are texts there, and what must stay exact is no number.
    """
    text, parameters = asked
    known = dict(item for _, each in lists.values() for item in each.items()) | parameters
    beside = [
        f"'{name}', (select coalesce(json_agg(each), '[]') from ({each}) as each)"  # noqa: S608 - of repositories
        for name, (each, _) in lists.items()
    ]
    query = f"select *, json_build_object({', '.join(beside)}) as lists from ({text}) as asked"  # noqa: S608
    found = await one(db, query, known)
    return found and found | found.pop("lists")


async def one(db: Connection, query: str, parameters: dict[str, Any] | None = None) -> DictRow | None:
    """The one row of a query, or none."""
    return await (await db.execute(query, parameters)).fetchone()


async def number(db: Connection, query: str, parameters: dict[str, Any] | None = None) -> int:
    """The whole number that a query comes to: its one row has one column."""
    row = await one(db, query, parameters)
    return int(next(iter(row.values()))) if row else 0
