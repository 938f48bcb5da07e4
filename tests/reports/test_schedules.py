"""Schedules: each report once for its time, whatever happens meanwhile, told to those who are members still."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ai2.identity import members_repository, users
from ai2.identity.principal import Role
from ai2.kit import events
from ai2.kit.database import Database
from ai2.kit.events import Event
from ai2.kit.ids import new_id
from ai2.reports import service as reports
from ai2.reports.schedules import making, service
from ai2.reports.schedules.making import Outcome, make_due
from ai2.reports.schedules.service import Schedule, ScheduleDoesNotHold, Wanted
from tests.bookkeeping import Books

MONTHLY = Wanted(
    name="Monthly", report={"report": "profit_and_loss"}, period="last_month", format="json", every="month", day=1,
    month=1, hour=6, minute=0, time_zone="Europe/London", recipients=(), is_active=True,
)  # fmt: skip
ONE = Outcome(made=1)


async def scheduled(books: Books, **changes: Any) -> Schedule:
    wanted = Wanted(**{**vars(MONTHLY), **changes})
    async with books.database.transaction(books.organization_id) as db:
        return await service.create(db, books.organization_id, wanted, created_by="test")


async def told(books: Books, kind: str) -> list[Event]:
    async with books.database.transaction(books.organization_id) as db:
        return await events.after(db, books.organization_id, 0, limit=1000, kinds=[kind])


async def is_due_since(books: Books, schedule: Schedule, at: str) -> datetime:
    """As if it had been written down before this time, at which it is due."""
    due_at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    async with books.database.transaction(books.organization_id) as db:
        query = "update reports.schedules set next_due_at = %s, run_after = %s where schedule_id = %s"
        await db.execute(query, [due_at, due_at, schedule.schedule_id])
    return due_at


async def made_by(books: Books, schedule: Schedule) -> list[service.Run]:
    async with books.database.transaction(books.organization_id) as db:
        return await service.runs(db, books.organization_id, schedule.schedule_id, before=None, limit=99)


async def test_the_report_of_last_month_is_made_and_told_of(books: Books) -> None:
    schedule = await scheduled(books)
    due_at = await is_due_since(books, schedule, "2026-03-01T06:00")
    assert await make_due(books.database, books.organization_id, now=due_at - timedelta(seconds=1)) == Outcome()
    assert await make_due(books.database, books.organization_id, now=due_at) == ONE
    [event] = await told(books, "report.ready")
    [run] = await made_by(books, schedule)
    address = f"/api/analytics/reports/{run.report_id}/download?format=json"
    assert event.payload == {
        "report_id": str(run.report_id), "schedule_id": str(schedule.schedule_id), "report": "profit_and_loss",
        "format": "json", "link": address, "due_at": "2026-03-01T06:00:00Z",
    }  # fmt: skip
    async with books.database.transaction(books.organization_id) as db:
        assert run.report_id
        report = await reports.get(db, books.organization_id, run.report_id)
        [head] = await reports.page(db, books.organization_id, before=None, limit=9)
        again = await service.get(db, books.organization_id, schedule.schedule_id)
    assert (report.asked.start_date, report.asked.end_date) == (date(2026, 2, 1), date(2026, 2, 28))
    assert head.created_by == f"schedule:{schedule.schedule_id}" == event.actor
    assert again.next_due_at == datetime(2026, 4, 1, 5, tzinfo=UTC), "summer time has begun"


async def test_run_again_and_by_two_at_once_it_is_made_once(books: Books) -> None:
    schedule = await scheduled(books)
    due_at = await is_due_since(books, schedule, "2026-03-01T06:00")
    both = await asyncio.gather(*(make_due(books.database, books.organization_id, now=due_at) for _ in range(2)))
    assert sum(both, Outcome()) == ONE
    assert await make_due(books.database, books.organization_id, now=due_at) == Outcome()
    # as from a backup that does not know that it is done
    await is_due_since(books, schedule, "2026-03-01T06:00")
    assert await make_due(books.database, books.organization_id, now=due_at) == Outcome()
    assert len(await told(books, "report.ready")) == len(await made_by(books, schedule)) == 1


async def test_killed_before_its_end_nothing_is_left_and_it_is_made_then(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = await scheduled(books)
    due_at = await is_due_since(books, schedule, "2026-03-01T06:00")

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(making, "_deliver", dies)
    with pytest.raises(asyncio.CancelledError):
        await make_due(books.database, books.organization_id, now=due_at)
    async with books.database.transaction(books.organization_id) as db:
        assert await reports.count(db, books.organization_id) == 0, "the report went with its event"
    monkeypatch.undo()
    assert await make_due(books.database, books.organization_id, now=due_at) == ONE
    assert len(await told(books, "report.ready")) == 1


async def test_after_a_downtime_the_last_is_made_and_tells_what_was_missed(books: Books) -> None:
    schedule = await scheduled(books, every="day", period="yesterday")
    first = await is_due_since(books, schedule, "2026-02-10T06:00")
    back = datetime(2026, 2, 15, 12, tzinfo=UTC)
    assert await make_due(books.database, books.organization_id, now=back) == Outcome(made=1, missed=5)
    [run] = await made_by(books, schedule)
    assert (run.due_at, run.missed, run.missed_since) == (first + timedelta(days=5), 5, first)
    [event] = await told(books, "report.ready")
    assert (event.payload["missed"], event.payload["due_at"]) == (5, "2026-02-15T06:00:00Z")
    async with books.database.transaction(books.organization_id) as db:
        report = await reports.get(db, books.organization_id, event_report(event))
    assert report.asked.start_date == date(2026, 2, 14), "of the day before it was due, whenever it is made"


def event_report(event: Event) -> Any:
    return event.payload["report_id"]


async def test_what_cannot_be_made_says_so_and_the_next_one_is_made(books: Books) -> None:
    schedule = await scheduled(books, report={"report": "trend", "group_by": "month"})
    due_at = await is_due_since(books, schedule, "2026-03-01T06:00")
    gone = f'{{"report": "trend", "account_ids": ["{new_id()}"]}}'
    await change(books, "update reports.schedules set report = %s", [gone])
    assert await make_due(books.database, books.organization_id, now=due_at) == Outcome(failed=1)
    [event] = await told(books, "report.failed")
    assert event.payload["code"] == "account_not_found"
    [run] = await made_by(books, schedule)
    assert (run.state, run.report_id, (run.error or {})["code"]) == ("failed", None, "account_not_found")
    await change(books, "update reports.schedules set report = %s", ['{"report": "trend"}'])
    assert await make_due(books.database, books.organization_id, now=due_at + timedelta(days=31)) == ONE


async def test_what_is_down_is_tried_again_and_keeps_no_other(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, fine = await scheduled(books, name="Broken"), await scheduled(books, name="Fine")
    due_at = await is_due_since(books, broken, "2026-03-01T06:00")
    await is_due_since(books, fine, "2026-03-01T06:00")
    generate = making._generate

    async def down(db: Any, organization_id: Any, schedule: Schedule, at: datetime) -> Any:
        if schedule.schedule_id == broken.schedule_id:
            raise reports.MartsNotBuilt
        return await generate(db, organization_id, schedule, at)

    monkeypatch.setattr(making, "_generate", down)
    assert await make_due(books.database, books.organization_id, now=due_at) == Outcome(made=1, put_off=1)
    assert await make_due(books.database, books.organization_id, now=due_at) == Outcome(), "not before a while"
    monkeypatch.undo()
    later = due_at + timedelta(minutes=5)
    assert await make_due(books.database, books.organization_id, now=later) == ONE
    assert [run.due_at for run in await made_by(books, broken)] == [due_at]


async def test_it_is_for_members_and_only_while_they_are(books: Books) -> None:
    with pytest.raises(ScheduleDoesNotHold) as refused:
        await scheduled(books, recipients=("stranger@example.com",))
    assert [each.field for each in refused.value.errors] == ["recipients.0"]
    emails = tuple(f"{name}-{new_id()}@example.com" for name in ("ana", "bo"))
    ids = [await member(books, email) for email in emails]
    schedule = await scheduled(books, recipients=(*emails, emails[0].upper()), every="day")
    assert schedule.recipients == ids
    due_at = await is_due_since(books, schedule, "2026-03-01T06:00")
    async with books.database.transaction(books.organization_id) as db:
        await members_repository.delete(db, books.organization_id, ids[0])
    await make_due(books.database, books.organization_id, now=due_at)
    [event] = await told(books, "report.ready")
    assert event.payload["recipients"] == [str(ids[1])]
    assert not any(email in str(event.payload) for email in emails), "an event has ids and no addresses"
    async with books.database.transaction(books.organization_id) as db:
        await members_repository.delete(db, books.organization_id, ids[1])
    await make_due(books.database, books.organization_id, now=due_at + timedelta(days=1))
    assert (await told(books, "report.ready"))[-1].payload["recipients"] == [], "nobody's any more, and not anybody's"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"every": "week", "day": 8}, "day"),
        ({"format": "parquet"}, "format"),
    ],
)
async def test_what_does_not_hold_is_refused(books: Books, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ScheduleDoesNotHold) as refused:
        await scheduled(books, **changes)
    assert [each.field for each in refused.value.errors] == [field]


async def test_one_that_rests_makes_nothing_and_another_organization_neither(books: Books, pipeline: Database) -> None:
    schedule = await scheduled(books)
    due_at = await is_due_since(books, schedule, "2026-03-01T06:00")
    assert books.organization_id in await making.who_is_due(pipeline)
    assert await make_due(books.database, new_id(), now=due_at) == Outcome()
    async with books.database.transaction(books.organization_id) as db:
        rests = await service.update(db, books.organization_id, schedule.schedule_id, {"is_active": False})
        await db.execute("update reports.schedules set next_due_at = %s, run_after = %s", [due_at, due_at])
    assert (rests.version, rests.report, rests.period) == (2, {"report": "profit_and_loss"}, "last_month")
    assert books.organization_id not in await making.who_is_due(pipeline)
    assert await make_due(books.database, books.organization_id, now=due_at) == Outcome()


async def change(books: Books, query: str, values: list[Any]) -> None:
    async with books.database.transaction(books.organization_id) as db:
        await db.execute(query, values)  # type: ignore[arg-type]


async def member(books: Books, email: str) -> Any:
    async with books.database.transaction() as db:
        user = await users.create(db, email=email, name="Ana", password="correct horse battery")
        await users.join(db, books.organization_id, user.user_id, Role.VIEWER)
    return user.user_id
