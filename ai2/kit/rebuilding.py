"""Rebuilding: a large table gets what cannot be added in place (a stored column, another type), while it is in use.

A second table is made beside it. A trigger brings it every change, the rows that were there before are copied some
at a time, and when it has them all it takes the first one's place. Until then nothing has happened: after a crash
it begins anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alembic import op

from ai2.kit import live

PIECE_ROWS = 2000


@dataclass(frozen=True)
class Reference:
    """A foreign key of another table to this one."""

    table: str
    name: str
    columns: str


@dataclass(frozen=True, kw_only=True)
class Rebuilding:
    """What becomes of a table. `made` makes the second one and `indexes` its indexes, with {next} for its name."""

    schema: str
    name: str
    key: Sequence[str]
    columns: Sequence[str]
    made: str
    indexes: Sequence[str]
    references: Sequence[Reference] = ()

    @property
    def table(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def next(self) -> str:
        return f"{self.table}_next"

    def prepare(self) -> None:
        """Make the second table and let it follow the first."""
        before, _ = live.every_tenants(self.table, self.next)
        with live.outside():
            live.run(self._forgotten())
            live.run(self.made.format(next=self.next), self._mirror(), before)
            self._copy()
            for index in self.indexes:
                live.index(index.format(next=self.next), name=f"{_name_of(index)}_next")
            for reference in self.references:
                definition = f"foreign key ({reference.columns}) references {self.next}"
                live.constraint(reference.table, f"{reference.name}_next", definition)
            live.execute(f"analyze {self.next}")

    def swap(self) -> tuple[str, ...]:
        """Statements by which it takes the first one's place; what is between them makes what hangs on its name."""
        names = [*map(_name_of, self.indexes)]
        return (
            f"lock table {self.table} in access exclusive mode",
            f"alter table {self.table} rename to {self.name}_former",
            f"alter table {self.next} rename to {self.name}",
            f"alter index {self.schema}.{self.name}_pkey rename to {self.name}_former_pkey",
            f"alter index {self.schema}.{self.name}_next_pkey rename to {self.name}_pkey",
            *(
                f"alter table {each.table} drop constraint {each.name}; "
                f"alter table {each.table} rename constraint {each.name}_next to {each.name}"
                for each in self.references
            ),
            *(f"drop index if exists {self.schema}.{name}" for name in names),
            *(f"alter index {self.schema}.{name}_next rename to {name}" for name in names),
        )

    def gone(self) -> str:
        """The statements that end the first one, and the owner's look into the second."""
        return f"""
            drop policy revision on {self.table};
            drop table {self.table}_former;
            drop function {self.schema}.mirror_{self.name}();
        """

    def _forgotten(self) -> str:
        """What an attempt that crashed left behind, gone."""
        return f"""
            drop function if exists {self.schema}.mirror_{self.name}() cascade;
            drop table if exists {self.next} cascade;
            drop policy if exists revision on {self.table};
        """

    def _mirror(self) -> str:
        columns, key = ", ".join(self.columns), ", ".join(self.key)
        change = ", ".join(f"{column} = excluded.{column}" for column in self.columns if column not in self.key)
        same = " and ".join(f"kept.{column} = removed.{column}" for column in self.key)
        trigger = f"for each statement execute function {self.schema}.mirror_{self.name}()"
        return f"""
            create function {self.schema}.mirror_{self.name}() returns trigger language plpgsql
            set search_path = '' as $$
            begin
                if tg_op = 'DELETE' then
                    delete from {self.next} as kept using removed where {same};
                else
                    insert into {self.next} ({columns}) select {columns} from written
                    on conflict ({key}) do update set {change};
                end if;
                return null;
            end $$;
            create trigger mirror_inserts after insert on {self.table}
                referencing new table as written {trigger};
            create trigger mirror_updates after update on {self.table}
                referencing new table as written {trigger};
            create trigger mirror_deletes after delete on {self.table}
                referencing old table as removed {trigger};
        """  # noqa: S608 - names that a revision gives

    def _copy(self) -> None:
        """Copy what was there before, in the order of its key. Who deletes a row meanwhile waits for its copy."""
        columns, key = ", ".join(self.columns), ", ".join(self.key)
        order, backwards = key, ", ".join(f"{column} desc" for column in self.key)
        piece = f"""
            with piece as (
                select {columns} from {self.table} {{after}} order by {order} limit {PIECE_ROWS} for key share
            ),
            copied as (insert into {self.next} ({columns}) select {columns} from piece on conflict do nothing)
            select {key} from piece order by {backwards} limit 1
        """  # noqa: S608 - names that a revision gives
        after = f"where ({key}) > ({', '.join(['%s'] * len(self.key))})"
        cursor = op.get_bind().connection.cursor()
        if isinstance(cursor, live.Script):
            cursor.execute(f"{live.IN_PIECES}\n{piece.format(after=after)}")
            return
        cursor.execute(piece.format(after=""))
        while last := cursor.fetchone():
            cursor.execute(piece.format(after=after), last)


def _name_of(index: str) -> str:
    return index.partition(" on ")[0].split()[-1]
