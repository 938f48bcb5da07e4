"""Up: one start from the first look at the ports to the last process ended."""

import asyncio
import fcntl
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psutil
from rich.markup import escape
from rich.table import Table

from ai2.kit import postgres
from ai2.kit.settings import Settings
from ai2.launcher import leftovers, profiles, sample, stack
from ai2.launcher.console import Screen
from ai2.launcher.parts import Part, Process
from ai2.launcher.ports import taken
from ai2.launcher.profiles import Profile
from ai2.launcher.supervisor import EssentialEnded, Supervisor

LOOK_S = 1


def up(profile: Profile, using: Settings, screen: Screen) -> int:
    """Start everything and keep it running until a signal; the exit code."""
    plan = profiles.plan(profile)
    parts = stack.parts(using, plan)
    using.home.mkdir(parents=True, exist_ok=True, mode=0o711)
    with (using.home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            screen.trouble(f"AI2 is running already from {using.home.absolute()}. `ai2 status` shows it.")
            return 1
        lock.truncate(0)
        lock.write(profile)  # for `ai2 status`
        lock.flush()
        if ended := leftovers.end(using.home):
            screen.say(f"[yellow]–[/] ended what an earlier start left behind: {', '.join(ended)}")
        if sentences := taken([port for part in parts if isinstance(part, Process) for port in part.ports]):
            for sentence in sentences:
                screen.trouble(sentence)
            return 1
        if plan.missing:
            screen.say(f"[yellow]–[/] not built yet and left out: {', '.join(plan.missing)}")
        stack.prepare(using)
        return asyncio.run(_up(parts, using, screen))


async def _up(parts: Sequence[Part], using: Settings, screen: Screen) -> int:
    supervisor = Supervisor(using.home, screen)
    life = asyncio.current_task()
    assert life  # noqa: S101 - we are in it
    with _signals_cancel(life):
        try:
            with _database(using, screen) as server_pid:
                try:
                    await _live(supervisor, parts, using, screen, server_pid)
                finally:
                    screen.say("Stopping ...")
                    supervisor.stop(parts)
        except EssentialEnded as ended:
            screen.trouble(f"{ended}.")
            return 1
        except postgres.PostgresFailed as failed:
            screen.trouble(str(failed))
            return 1
        except asyncio.CancelledError:
            screen.say("Stopped. The data stays; `make up` goes on with it.")
        return 0


async def _live(
    supervisor: Supervisor, parts: Sequence[Part], using: Settings, screen: Screen, server_pid: int | None
) -> None:
    with screen.starting():
        is_whole = await supervisor.bring_up(parts)
    welcome(parts, using, screen, is_whole=is_whole)
    await asyncio.gather(supervisor.watch(parts), _watch_server(server_pid, using))


@contextmanager
def _database(using: Settings, screen: Screen) -> Iterator[int | None]:
    """The embedded server for as long as we run, and its process id; with DATABASE_URL none is ours."""
    if using.database_url:
        yield None
        return
    with ExitStack() as server:
        with screen.starting(), screen.busy("PostgreSQL"):
            server.enter_context(postgres.running(using.home))
        yield postgres.server_pid(using.home)


async def _watch_server(pid: int | None, using: Settings) -> None:
    while pid is None or _is_alive(pid):
        await asyncio.sleep(LOOK_S)
    raise EssentialEnded(f"PostgreSQL ended. Its log: {using.home / 'postgres.log'}. Everything else is ended as well")


def _is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@contextmanager
def _signals_cancel(task: "asyncio.Task[object]") -> Iterator[None]:
    """Ctrl-C, a closed terminal and a polite kill all mean the same: stop in order."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, task.cancel)
    yield
    for number in numbers:
        loop.remove_signal_handler(number)


def welcome(parts: Sequence[Part], using: Settings, screen: Screen, *, is_whole: bool) -> None:
    """Where everything is, and how to get in."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    for part in parts:
        if isinstance(part, Process):
            for name, url in part.urls.items():
                table.add_row(name, f"{url}/docs" if part.name == "api" else url)
    screen.say("")
    screen.console.print(table)
    if known := sample.read(using.home):
        screen.say(f"\nSample organization: {escape(known.organization)}")
        screen.say(f"  sign in    {known.email}   password {escape(known.password)}")
        screen.say(f"  API key    {escape(known.api_key)}")
    else:
        screen.say("\nMake an API key: ai2 api-key --role owner --organization NAME")
    screen.say(f"\n{'AI2 is up' if is_whole else 'AI2 is up, but for what is said above'}. Ctrl-C stops it.")
