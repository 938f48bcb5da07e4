"""Reading revisions: what in their SQL would keep others waiting on a large table, or take from the version before."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ai2.kit.live import IN_PIECES

# A few rows an organization, or a few in all: looked through in no time. Every other table is taken for a large one.
SMALL = frozenset({
    "identity.organizations", "identity.organization_keys", "identity.memberships", "identity.api_keys",
    "identity.invitations", "books.accounts", "books.categories", "books.category_codes", "books.rules",
    "books.rule_applications", "ingest.layouts",
})  # fmt: skip
# Revisions 0001 to 0009 came before the first release: there was no version before that had to go on.
BEFORE_THE_FIRST_RELEASE = frozenset(f"{number:04}" for number in range(1, 10))
NAME = r"(?:if exists |only )?([\w.]+)"
# Defaults that are the same for every row are kept in the catalogue; these are computed for each of them.
EACH_ROW = (
    r"default [^,]*?(\w*random\w*|clock_timestamp|uuidv?\d*|nextval|\w*xact_id\w*|statement_timestamp|timeofday)\s*\("
)
# What an action of `alter table` does to a large table, and what to do instead.
WRONG = (
    (
        r"add (constraint \w+ )?(check|foreign key)(?!.*not valid$)",
        "a check or key is added `not valid`, then validated: live.constraint",
    ),
    (r"add column .*\b(references|check)\b", "a new column's check or key is added on its own: live.constraint"),
    (rf"add column .*({EACH_ROW}|stored)", "a column that is computed for each row takes a new table: Rebuilding"),
    (r"add column .*(serial\b|as identity)", "a numbered column takes a new table: Rebuilding"),
    (r"add column (?!.*(default|stored)).*not null", "a new column may be null, or has a default"),
    (
        r"add (constraint \w+ )?(primary key|unique)(?!.*using index)",
        "a key is made of an index: live.index, using index",
    ),
    (r"alter (column )?\w+ (set data )?type", "another type is another column, or takes a new table: Rebuilding"),
)


@dataclass
class Reading:
    """A revision's statements, read from the first to the last."""

    made: set[str] = field(default_factory=set)
    checked: set[str] = field(default_factory=set)

    def knows_as_large(self, table: str) -> bool:
        return table not in self.made and table not in SMALL

    def read(self, statement: str) -> Iterator[str]:
        """What is wrong with a statement."""
        if match := re.match(rf"create (?:unlogged )?table (?:if not exists )?{NAME}", statement):
            self.made.add(match[1])
        elif match := re.match(
            r"create (?:unique )?index (concurrently )?(?:if not exists )?(?:\S+ )??on (?:only )?([\w.]+)", statement
        ):
            if not match[1] and self.knows_as_large(match[2]):
                yield f"an index of {match[2]} is made `concurrently`: live.index"
        elif match := re.match(rf"alter table {NAME} (.*)", statement):
            yield from self._read_alteration(match[1], match[2])
        elif match := re.match(rf"(?:with .*)?(update|delete from) {NAME}", statement.removeprefix(IN_PIECES).strip()):
            if self.knows_as_large(match[2]) and not statement.startswith(IN_PIECES):
                yield f"{match[2]} is changed some rows at a time: live.in_pieces"
        elif match := re.match(rf"(vacuum full|cluster|reindex(?! \w+ concurrently)|lock table) .*?{NAME}$", statement):
            yield f"{match[1]} locks a whole table"

    def _read_alteration(self, table: str, actions: str) -> Iterator[str]:
        if not self.knows_as_large(table):
            return
        for action in split(actions):
            yield from (f"{table}: {instead}" for pattern, instead in WRONG if re.match(pattern, action))
            if action.startswith("validate constraint"):
                self.checked.add(table)
            if re.match(r"alter (column )?\w+ set not null", action) and table not in self.checked:
                yield f"{table}: `not null` follows a validated check (column is not null): live.constraint"


def gone(statement: str, made: set[str]) -> Iterator[str]:
    """What a statement takes from the version before, which goes on beside the newer one."""
    former = re.compile(r".*_(former|next)$")  # a Rebuilding takes the name of what it ends
    if (match := re.match(rf"drop (table|view) {NAME}", statement)) and not (
        match[2] in made or former.match(match[2])
    ):
        yield f"the version before still reads {match[2]}"
    if (match := re.match(rf"alter table {NAME} (.*)", statement)) and match[1] not in made:
        for action in split(match[2]):
            if re.match(r"drop column|rename column|rename to", action) and not former.match(f"{action} {match[1]}"):
                yield f"the version before still names what goes or is renamed in {match[1]}"


def statements(script: str) -> list[str]:
    """The statements of a script, in lower case and on a line each, without comments and without what is quoted."""
    plain = re.sub(r"(\$\w*\$).*?\1", "''", script, flags=re.DOTALL)
    plain = re.sub(r"'(?:[^']|'')*'", "''", plain)
    plain = re.sub(rf"(?!{IN_PIECES})--[^\n]*", " ", plain)
    found = (re.sub(r"\s+", " ", each).strip().lower() for each in plain.split(";"))
    return [each for each in found if each]


def split(actions: str) -> list[str]:
    """The actions of an `alter table`, which commas part where no bracket is open."""
    found, depth = [""], 0
    for letter in actions:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [each.strip() for each in found]


def dangers(script: str, *, is_first: bool = False) -> list[str]:
    """What is wrong with a revision's SQL."""
    reading, found = Reading(), list[str]()
    for statement in statements(script):
        found += reading.read(statement)
        if not is_first:
            found += gone(statement, reading.made)
    return found
