"""Round trip: any list of transactions, written as a bank might and read again, is the same list, or a question.

Answered, the question gives the same list; never another one. AI2_SEED runs the examples of a seed that was printed.
"""

import os
import random
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ai2.books.accounts import service as accounts
from ai2.identity.organizations import Organization
from ai2.ingest.layout.model import Options
from ai2.ingest.lines import Account, Statement
from ai2.ingest.problems import NeedsAnswer
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from tests.ingest.conftest import import_into
from tests.ingest.dialects import Dialect, Entry, dialects, entries
from tests.ingest.reading import read_as

SEED = int(os.environ.get("AI2_SEED", random.SystemRandom().randrange(2**32)))
LOOSE = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
# Books take no dates that are still to come.
PAST = dialects().flatmap(lambda dialect: st.tuples(st.just(dialect), entries(dialect, date(2025, 12, 31))))
WRITTEN = dialects().flatmap(lambda dialect: st.tuples(st.just(dialect), entries(dialect)))


@pytest.fixture(autouse=True)
def say_seed() -> None:
    print(f"AI2_SEED={SEED}")


def answered(dialect: Dialect, raw: bytes) -> Statement:
    """The file as it is read, with a person's answers to what is asked, and to nothing else."""
    said: dict[str, object] = {}
    for _ in range(3):
        try:
            return read_as(raw, Account("GBP"), Options.model_validate(said))
        except NeedsAnswer as asking:
            known = dialect.answers()
            for question in asking.questions:
                name = question.field.partition(".")[0]
                said[name] = known[name]
    raise AssertionError("asks again and again")


class TestRoundTrip:
    @seed(SEED)
    @settings(LOOSE, max_examples=250)
    @given(WRITTEN)
    def test_the_same_list_comes_back(self, written: tuple[Dialect, list[Entry]]) -> None:
        dialect, expected = written
        found = answered(dialect, dialect.write(expected))
        assert found.rejected == ()
        ordered = list(reversed(expected)) if dialect.is_newest_first else expected
        rows = found.lines.to_pylist()
        assert [(row["booked_on"], row["amount"], row["description"]) for row in rows] == ordered

    @seed(SEED)
    @settings(LOOSE, max_examples=8, phases=[Phase.explicit, Phase.generate])
    @given(written=PAST)
    async def test_the_same_list_comes_into_the_books(
        self, database: Database, organization: Organization, written: tuple[Dialect, list[Entry]]
    ) -> None:
        dialect, expected = written
        organization_id = organization.organization_id
        async with database.transaction(organization_id) as db:
            account = await accounts.create(db, organization_id, name=f"A {new_id()}", currency="GBP")
        raw, said = dialect.write(expected), dialect.answers()
        options = {name: said[name] for name in ("date_order", "decimal_mark", "positive_is", "encoding")}
        result = await import_into(database, organization, account, raw, **options)
        assert result.status == "loaded", result.checks
        async with database.transaction(organization_id) as db:
            query = "select booked_on, amount, description from books.transactions where account_id = %s"
            rows = await (await db.execute(query, [account.account_id])).fetchall()
        found = [(row["booked_on"], row["amount"], row["description"]) for row in rows]
        assert sorted(found, key=str) == sorted(expected, key=str)
