"""How well recurring payments are found in made-up books whose truth is known, in real ones, and how fast.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.recurring [organizations [rows]]

A series counts as found where one pattern of its cadence holds most of its payments, and a pattern as right where most
of its payments are of one series of its cadence. Series with fewer than three payments are not asked for, but count
where they are found. The interval is asked of every series that goes on: was its next payment, which the books do not
hold yet, within it? The marks (2 cores): precision 0.95, recall 0.9, intervals 0.9; 1,000,000 rows of one organization,
gathered, judged and written down, within 60 s. `-v` tells of each mistake.
"""

import asyncio
import os
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from ai2.kit.merchants import merchant_key
from benchmarks.books_of_many import throwaway
from benchmarks.recurring_books import Books, Row, Series, books
from ml.recurring import kinds, outlook
from ml.recurring.detect import Group, Judged, Pattern, judge
from ml.recurring.schedules import DAYS

ORGANIZATIONS, SEED, LEAST = 60, 2026, 3
MILLION = 1_000_000
COUNCIL = "purchases/council_cards_2013_2016.csv.gz"
key_of = cache(merchant_key)


@dataclass
class Found:
    """A pattern, the rows of its group and the books it is of."""

    pattern: Pattern
    rows: list[Row]
    books: Books


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    known_truth(numbers[0] if numbers else ORGANIZATIONS, is_told="-v" in sys.argv)
    rows = numbers[1] if len(numbers) > 1 else MILLION
    with throwaway():
        if os.environ.get("AI2_TEST_DATA"):
            asyncio.run(council(Path(os.environ["AI2_TEST_DATA"]) / COUNCIL))
        asyncio.run(million(rows))


def known_truth(number: int, *, is_told: bool) -> None:
    print(f"{number} organizations, seed {SEED}")
    made = [books(SEED + each) for each in range(number)]
    started = time.process_time()
    found = [each for one in made for each in patterns(one)]
    took = time.process_time() - started
    rows = sum(len(one.rows) for one in made)
    print(f"{rows:,} rows judged in {took:.1f} s of work, {rows / took:,.0f} rows/s")
    score = Score(is_told)
    for each in found:
        score.count(each)
    score.count_missed(made)
    score.show()


def groups(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    by_key: dict[tuple[str, bool, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_key[key_of(row.merchant), row.amount > 0, row.currency].append(row)
    yield from ((key, members) for (key, _, _), members in by_key.items() if len(members) > 1)


def judged(key: str, rows: list[Row]) -> Judged:
    kind = kinds.kind_for(key, rows[0].amount > 0, None, None)
    return judge(Group([row.day.toordinal() for row in rows], [int(abs(row.amount) * 10_000) for row in rows], kind))


def patterns(made: Books) -> Iterator[Found]:
    for key, rows in groups(made.rows):
        yield from (Found(pattern, rows, made) for pattern in judged(key, rows).patterns)


def truth(each: Found) -> Series | None:
    """The series that a pattern is, if it is one."""
    names = Counter(each.rows[place].series for place in each.pattern.members)
    name, times = names.most_common(1)[0]
    series = each.books.series.get(name or "")
    if series is None or times < 0.7 * len(each.pattern.members):
        return None
    return series if series.cadence == each.pattern.fit.schedule.cadence else None


def look(each: Found) -> outlook.Outlook:
    last = each.rows[each.pattern.members[-1]].day
    return outlook.look(each.pattern.fit, last.toordinal(), each.books.end.toordinal())


def is_within(ahead: outlook.Outlook, day: date) -> bool:
    return ahead.next_due - ahead.early <= day.toordinal() <= ahead.next_due + ahead.late


@dataclass
class Score:
    """What was found, by cadence."""

    is_told: bool
    counted: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    hit: set[tuple[int, str]] = field(default_factory=set)
    rises: Counter[str] = field(default_factory=Counter)
    sure: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))

    def count(self, each: Found) -> None:
        series = truth(each)
        mine = self.counted[each.pattern.fit.schedule.cadence]
        mine["found"] += 1
        self.sure[int(each.pattern.confidence * 20)].append(series is not None)
        if series is None:
            self._tell("WRONG", each)
            return
        mine["right"] += 1
        if 2 * len(each.pattern.members) > sum(row.series == series.name for row in each.rows):
            self.hit.add((id(each.books), series.name))
        self._count_rises(each, series)
        following = next((due for due in series.dues if due > each.books.end), None)
        if following and not series.is_cancelled:
            ahead = look(each)
            mine["asked"] += 1
            mine["days"] += ahead.early + ahead.late + 1
            mine["within"] += is_within(ahead, following)
            if not is_within(ahead, following):
                self._tell(f"{following} IS NOT {date.fromordinal(ahead.next_due)} -{ahead.early} +{ahead.late}", each)

    def _count_rises(self, each: Found, series: Series) -> None:
        for change in each.pattern.amounts.changes:
            row = each.rows[each.pattern.members[change.at]]
            self.rises["told"] += 1
            self.rises["right"] += (row.day, abs(row.amount)) in set(series.rises)

    def count_missed(self, made: list[Books]) -> None:
        for one in made:
            for series in one.series.values():
                self.rises["made"] += len(series.rises)
                if sum(due <= one.end for due in series.dues) < LEAST:
                    continue
                is_hit = (id(one), series.name) in self.hit
                self.counted[series.cadence]["series"] += 1
                self.counted[series.cadence]["hit"] += is_hit
                if self.is_told and not is_hit:
                    self._tell_missed(one, series)

    def show(self) -> None:
        total: Counter[str] = sum(self.counted.values(), Counter())
        print("cadence        found precision series recall  asked  within days wide")
        for cadence, of in [*((name, self.counted[name]) for name in DAYS), ("all", total)]:
            precision, recall, within, wide = (
                of[part] / max(of[whole], 1)
                for part, whole in (("right", "found"), ("hit", "series"), ("within", "asked"), ("days", "asked"))
            )
            print(
                f"{cadence:13} {of['found']:6} {precision:9.3f} {of['series']:6} {recall:6.3f} {of['asked']:6}"
                f" {within:7.3f} {wide:9.1f}"
            )
        print(f"price changes: {self.rises['told']} told, {self.rises['right']} of them true to the day and coin;")
        print(f"  {self.rises['made']} were made, also in the last payments and in what was not found")
        shares = [(f"{low / 20:.2f}", len(of), round(sum(of) / len(of), 3)) for low, of in sorted(self.sure.items())]
        print("confidence from, patterns, share right:", shares)

    def _tell(self, word: str, each: Found) -> None:
        if self.is_told:
            first = each.rows[each.pattern.members[0]]
            print(word, first.merchant, first.series, each.pattern.confidence, *each.pattern.reasons, sep=" | ")

    def _tell_missed(self, one: Books, series: Series) -> None:
        paid = [row for row in one.rows if row.series == series.name]
        for key, rows in groups(one.rows):
            if paid[0] in rows:
                told = judged(key, rows)
                print("MISSED", series.name, len(paid), told.rejected and told.rejected.reason, *paid[:4], sep=" | ")


async def council(path: Path) -> None:
    """The purchase cards of a council: what is found in them, to be looked at."""
    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.ingest import service as ingest
    from ai2.kit.database import Database
    from ml.recurring import service

    async with Database() as database:
        async with database.transaction() as db:
            owner = (await organizations.create(db, name="Council", base_currency="GBP")).organization_id
            await categories.create_defaults(db, owner)
            account = await accounts.create(db, owner, name="Cards", currency="GBP", kind="card")
            await ingest.import_file(
                db,
                organization_id=owner,
                account_id=account.account_id,
                file=path,
                file_name=path.name,
                options=ingest.ImportOptions(positive_is="out"),
                source=ingest.Source.CLI,
            )
        await timed(database, owner, "council")
        async with database.transaction(owner) as db:
            found = await service.list_all(db, owner)
    patterns = [each for each in found if each.state != "rejected"]
    print("patterns by cadence:", dict(Counter(each.cadence for each in patterns)))
    print("by state:", dict(Counter(each.state for each in found)))
    print("rejected for:", dict(Counter(each.reason_code for each in found if each.state == "rejected")))
    chance = random.Random(SEED)  # noqa: S311 - a sample
    for each in chance.sample(patterns, k=min(len(patterns), 400 if "-v" in sys.argv else 15)):
        print(
            f"  {each.merchant[:30]:30} {each.confidence:.2f} {each.amount:>10} {each.state:7}",
            *each.reasons,
            sep=" | ",
        )


async def million(rows: int) -> None:
    """One organization with a million rows: as many households as it takes, whose merchants are their own."""
    from ai2.kit.database import Database

    owner = fill(rows)
    async with Database() as database:
        await timed(database, owner, f"{rows:,} rows")
        await timed(database, owner, "again")


async def timed(database: Any, owner: UUID, name: str) -> None:
    from ml.recurring import finding

    async with database.transaction(owner) as db:
        server = psutil.Process(db.info.backend_pid)
        started, cpu, theirs = time.perf_counter(), time.process_time(), sum(server.cpu_times()[:2])
        done = await finding.find(db, owner, is_all=True)
        took, cpu, theirs = (
            time.perf_counter() - started,
            time.process_time() - cpu,
            sum(server.cpu_times()[:2]) - theirs,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    print(f"{name}: {took:.1f} s ({cpu:.1f} s of work here, {theirs:.1f} s of PostgreSQL), peak {peak} MB", done)


def fill(rows: int) -> UUID:
    """Write the books by COPY, merchants numbered by household, and give whose they are."""
    import psycopg

    from ai2.kit.database import Role, connection_parameters
    from ai2.kit.ids import new_id

    owner, account, seed, written = new_id(), new_id(), SEED, 0
    with psycopg.connect(**connection_parameters(Role.ADMIN, "ai2"), autocommit=True) as db:
        db.execute(
            "insert into identity.organizations (organization_id, name, base_currency, country)"
            " values (%s, 'Million', 'GBP', 'GB')",
            [owner],
        )
        db.execute(
            "insert into books.accounts (organization_id, account_id, name, currency) values (%s, %s, 'All', 'GBP')",
            [owner, account],
        )
        db.execute("set session_replication_role = replica")  # totals are of no matter here, but for the days below
        columns = "organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant_key"
        while written < rows:
            made = books(seed).rows[: rows - written]
            with db.cursor().copy(f"copy books.transactions ({columns}) from stdin") as copy:
                for row in made:
                    key = f"{key_of(row.merchant)} {seed}"
                    copy.write_row((owner, new_id(), account, row.day, row.amount, row.currency, row.merchant, key))
            seed, written = seed + 1, written + len(made)
        db.execute(
            """
            insert into books.daily_totals (
                organization_id, booked_on, account_id, currency, money_in, money_out, transactions
            )
            select organization_id, booked_on, account_id, currency, 0, 0, count(*) from books.transactions
            where organization_id = %s group by 1, 2, 3, 4
            """,
            [owner],
        )
        db.execute("vacuum analyze books.transactions")
    print(f"{written:,} rows of {seed - SEED} households in one organization")
    return owner


if __name__ == "__main__":
    main()
