"""The worker: does the queue's jobs, a few at a time, until it is told to stop. `python -m ai2.worker`"""

import asyncio
import secrets as random
import signal
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import structlog
from psycopg import AsyncConnection, OperationalError
from psycopg.rows import dict_row

from ai2.consumers import CONSUMERS
from ai2.jobs import HANDLERS, Handler, Progress
from ai2.kit import deliveries, logs, queue
from ai2.kit.database import Connection, Database, DatabaseDown, Role, connection_parameters, one
from ai2.kit.deliveries import Consumer
from ai2.kit.errors import Invalid, Problem
from ai2.kit.masking import mask
from ai2.kit.queue import Job
from ai2.kit.settings import settings

APPLICATION_NAME = "ai2-worker"
AT_ONCE = 2
LONGEST_SLEEP_S = 5.0
PROGRESS_EVERY_S = 0.5
STOP_PATIENCE_S = 10.0
LISTEN_FROM_S = 20.0
LOOK_EVERY_S = 60.0

log = structlog.get_logger()


class UnknownKind(Invalid):
    """No worker knows how to do this kind of job."""


class Worker:
    """One worker: `stop` lets it finish what it does, for a while. The second database sees every tenant."""

    def __init__(
        self,
        database: Database,
        pipeline: Database,
        handlers: Mapping[str, Handler] = HANDLERS,
        consumers: Collection[Consumer] = CONSUMERS,
    ) -> None:
        self._database = database
        self._pipeline = pipeline
        self._handlers = handlers
        self._consumers = consumers
        self._delivering: asyncio.Task[None] | None = None
        self._id = random.randbits(62)
        self._at_work: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._is_stopping = False

    def stop(self) -> None:
        self._is_stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped; where the database goes away, wait for it to come back."""
        while not self._is_stopping:
            try:
                async with _listening(self._id, self._wake) as ear:
                    await self._work(ear)
            except (OperationalError, DatabaseDown):
                log.warning("the database does not answer; trying again")
                await asyncio.sleep(1)
        await self._finish()

    async def _work(self, ear: Connection) -> None:
        while not self._is_stopping:
            self._wake.clear()
            if ear.closed:
                raise OperationalError("the connection that listens is gone")
            while len(self._at_work) < AT_ONCE and (job := await self._next()):
                task = asyncio.create_task(self._do(job))
                self._at_work.add(task)
                task.add_done_callback(self._done)
            if self._delivering is None or self._delivering.done():
                self._delivering = asyncio.create_task(self._deliver())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), await self._sleep_s())

    async def _deliver(self) -> None:
        """Hand out the events that are due; what cannot be handed out now comes with the next look."""
        try:
            await deliveries.deliver_all(self._database, self._pipeline, self._consumers)
        except Exception as error:
            log.warning("events could not be handed out", exc_info=error)

    async def _next(self) -> Job | None:
        async with self._pipeline.transaction() as db:
            await queue.bury(db)
            return await queue.claim(db, self._id)

    async def _sleep_s(self) -> float:
        async with self._pipeline.transaction() as db:
            due_s = await queue.seconds_to_next(db)
        busy = len(self._at_work) >= AT_ONCE
        return LONGEST_SLEEP_S if due_s is None or busy else min(max(due_s, 0.01), LONGEST_SLEEP_S)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._at_work.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("a job could not be closed; it is taken up again later", exc_info=error)

    async def _do(self, job: Job) -> None:
        """Do a job and write how it ended. Whatever goes wrong in it is the job's, never the worker's."""
        told = {"job_id": str(job.job_id), "kind": job.kind, "organization_id": str(job.organization_id)}
        try:
            async with _reporting(self._database, job) as progress:
                result = await self._handler(job)(self._database, self._pipeline, job, progress)
        except Exception as error:
            log.warning("job failed", **told, attempt=job.attempts, exc_info=error)
            async with self._database.transaction(job.organization_id) as db:
                await queue.fail(db, job, _problem(error), again=_is_worth_another_try(error))
            return
        async with self._database.transaction(job.organization_id) as db:
            await queue.finish(db, job, result)
        log.info("job done", **told)

    def _handler(self, job: Job) -> Handler:
        try:
            return self._handlers[job.kind]
        except KeyError:
            raise UnknownKind(f"this worker knows no jobs of kind {job.kind}") from None

    async def _finish(self) -> None:
        if self._at_work:
            _, unfinished = await asyncio.wait(self._at_work, timeout=STOP_PATIENCE_S)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        if self._delivering:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)
        with suppress(DatabaseDown):
            async with self._pipeline.transaction() as db:
                await queue.release(db, self._id)


@asynccontextmanager
async def _listening(worker_id: int, wake: asyncio.Event) -> AsyncIterator[Connection]:
    """The connection that says that this worker lives, and sets the event when a job was added or it is lost."""
    known = connection_parameters(Role.PIPELINE) | {"application_name": APPLICATION_NAME}
    ear = await AsyncConnection.connect(**known, autocommit=True, row_factory=dict_row)
    async with ear:
        await queue.become(ear, worker_id)
        listener = asyncio.create_task(_listen(ear, wake))
        try:
            yield ear
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)


async def _listen(ear: Connection, wake: asyncio.Event) -> None:
    try:
        async for _ in ear.notifies():
            wake.set()
    finally:
        wake.set()


@asynccontextmanager
async def _reporting(database: Database, job: Job) -> AsyncIterator[Progress]:
    """A function that takes how far a job is, 0 to 1, from any thread; now and then the last value is written."""
    latest = written = 0.0

    def progress(value: float) -> None:
        nonlocal latest
        latest = value

    async def write() -> None:
        nonlocal written
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)
            if latest != written:
                async with database.transaction(job.organization_id) as db:
                    await queue.report(db, job, latest)
                written = latest

    writer = asyncio.create_task(write())
    try:
        yield progress
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


def _is_worth_another_try(error: Exception) -> bool:
    """What was wrong with the request stays wrong; everything else may have been the moment's."""
    return not (isinstance(error, Problem) and error.status < 500)


def _problem(error: Exception) -> dict[str, object]:
    """The error as in RFC 9457. What is not a problem of ours is only named: its message may hold somebody's data."""
    if isinstance(error, Problem):
        return {"code": error.code, "title": error.title, "detail": mask(error.detail), "status": error.status}
    return {"code": "unexpected", "title": f"{type(error).__name__}; the worker's log says more", "status": 500}


async def _every_night(pipeline: Database) -> None:
    """Take away what is past its time, each night at three; several workers may, and find nothing more to take."""
    while True:
        now = datetime.now(UTC)
        at_three = now.replace(hour=3, minute=0, second=0, microsecond=0)
        await asyncio.sleep(((at_three - now).total_seconds() - 1) % 86_400 + 1)
        from ai2.privacy import retention  # an idle worker stays small

        try:
            purged = await retention.purge(pipeline, consumers=[consumer.name for consumer in CONSUMERS])
            log.info("purged", **vars(purged))
        except Exception as error:
            log.warning("could not purge; trying again tomorrow", exc_info=error)


async def _listen_to_mailboxes(database: Database, pipeline: Database) -> None:
    """Listen to mailboxes, once there is one: until then an idle worker stays small."""
    while settings().mail_listeners:
        await asyncio.sleep(LISTEN_FROM_S)
        with suppress(DatabaseDown):
            async with pipeline.transaction() as db:
                is_wanted = await one(db, "select from connect.connections where kind = 'email' limit 1") is not None
            if is_wanted:
                from ai2.connections.listening import Listener

                await Listener(database, pipeline).run()


async def _keep_in_step(database: Database, pipeline: Database) -> None:
    """Sync the connections that are due, each minute; what Dagster or another worker took up is left to them."""
    from ai2 import flows

    while True:
        await asyncio.sleep(LOOK_EVERY_S * random.SystemRandom().uniform(0.9, 1.1))  # several workers, not at once
        try:
            if await flows.is_any_connection_due(pipeline):
                synced = await flows.sync_due(database, pipeline)
                log.info("connections synced", ran=len(synced.ran), broke=synced.broke)
        except Exception as error:
            log.warning("connections could not be synced; trying again in a minute", exc_info=error)


async def main() -> None:
    """Run one worker until SIGTERM or SIGINT."""
    logs.configure("worker", settings().log_level)
    async with Database(Role.API) as database, Database(Role.PIPELINE) as pipeline:
        worker = Worker(database, pipeline)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        log.info("worker started")
        beside = [
            asyncio.create_task(each)
            for each in (
                _every_night(pipeline), _keep_in_step(database, pipeline), _listen_to_mailboxes(database, pipeline)
            )
        ]  # fmt: skip
        await worker.run()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        log.info("worker stopped")


if __name__ == "__main__":
    asyncio.run(main())
