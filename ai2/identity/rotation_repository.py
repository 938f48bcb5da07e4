"""Every query of a rotation. For operators: `db` is the pipeline role's, which sees every organization."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from ai2.kit.database import Connection, rows


@dataclass(frozen=True)
class Sealed:
    """A table, its key and the column that is sealed."""

    table: str
    key: str
    column: str

    @property
    def names(self) -> dict[str, sql.Composable]:
        return {
            "table": sql.Identifier(*self.table.split(".")),
            "key": sql.Identifier(self.key),
            "column": sql.Identifier(self.column),
        }


async def page(db: Connection, sealed: Sealed, *, after: UUID | None, limit: int) -> list[tuple[UUID, bytes]]:
    """The next rows by their keys, which nobody else changes until our transaction ends."""
    query = sql.SQL(
        "select {key} as key, {column} as sealed from {table} where %(after)s::uuid is null or {key} > %(after)s "
        "order by {key} limit %(limit)s for no key update"
    ).format(**sealed.names)
    found = await rows(db, query, {"after": after, "limit": limit})  # type: ignore[arg-type]
    return [(row["key"], bytes(row["sealed"])) for row in found]


async def put(db: Connection, sealed: Sealed, changed: Mapping[UUID, bytes]) -> None:
    """Put these in place of what they were."""
    query = sql.SQL(
        "update {table} as kept set {column} = new.sealed from unnest(%s::uuid[], %s::bytea[]) as new (key, sealed) "
        "where kept.{key} = new.key"
    ).format(**sealed.names)
    await db.execute(query, [list(changed), list(changed.values())])
