"""The supervisor: starts parts as soon as what they need is there, watches over them, ends them in reverse."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from ai2.launcher import leftovers, process
from ai2.launcher.console import Screen
from ai2.launcher.parts import Part, Process, Step
from ai2.launcher.process import Started

LOOK_S = 0.2
LONG_LIFE_S = 60  # who lived longer is started again after the shortest rest
LONGEST_REST_S = 300


class EssentialEnded(Exception):
    """A part without which nothing works did not come up, or ended."""


class _NotUp(Exception):
    """A part ended, or took too long."""


class Supervisor:
    """Runs the parts of one platform. `home` gets their logs and the note of who runs."""

    def __init__(self, home: Path, screen: Screen) -> None:
        self._home = home
        self._screen = screen
        self._running: dict[str, Started] = {}
        self._outcomes: dict[str, asyncio.Future[bool]] = {}

    async def bring_up(self, parts: Sequence[Part]) -> bool:
        """Start all parts, each after those it names. True where every one of them came up."""
        self._outcomes = {part.name: asyncio.get_running_loop().create_future() for part in parts}
        try:
            async with asyncio.TaskGroup() as group:
                for part in parts:
                    group.create_task(self._bring_up_one(part, parts))
        except* EssentialEnded as ended:
            raise EssentialEnded(str(ended.exceptions[0])) from None
        return all(outcome.result() for outcome in self._outcomes.values())

    async def watch(self, parts: Sequence[Part]) -> None:
        """Start again what ends; this never returns, but raises EssentialEnded."""
        running = [part for part in parts if isinstance(part, Process) and part.name in self._running]
        await asyncio.gather(*(self._watch_one(part) for part in running))

    def pid(self, name: str) -> int:
        """The process id of a part that runs."""
        return self._running[name].popen.pid

    def stop(self, parts: Sequence[Part]) -> None:
        """End everything, the last started first."""
        order = [part.name for part in parts if part.name in self._running]
        process.stop([self._running[name] for name in reversed(order)])
        self._running.clear()
        leftovers.note(self._home, [])

    async def _bring_up_one(self, part: Part, parts: Sequence[Part]) -> None:
        titles = {other.name: other.title for other in parts}
        waited = {name: await self._outcomes[name] for name in part.needs + part.after if name in self._outcomes}
        missing = [titles[name] for name in part.needs if not waited.get(name, True)]
        if missing:
            self._screen.skipped(part, " and ".join(missing))
        is_up = not missing and await (self._do(part) if isinstance(part, Step) else self._start(part))
        if part.is_essential and not is_up:
            raise EssentialEnded(f"{part.title} did not come up")
        self._outcomes[part.name].set_result(is_up)

    async def _do(self, step: Step) -> bool:
        if not await step.is_wanted():
            return True
        started = self._spawn(step)
        try:
            with self._screen.busy(step.title):
                while started.ended() is None:
                    await asyncio.sleep(LOOK_S)
                self._running.pop(step.name)
                if started.popen.returncode:
                    raise _NotUp
        except _NotUp:
            return self._say_failed(step, started)
        return True

    async def _start(self, part: Process) -> bool:
        started = self._spawn(part)
        deadline = time.monotonic() + part.patience_s
        try:
            with self._screen.busy(part.title):
                while not await part.answers():
                    if started.ended() or time.monotonic() > deadline:
                        raise _NotUp
                    await asyncio.sleep(LOOK_S)
        except _NotUp:
            return self._say_failed(part, started)
        return True

    def _say_failed(self, part: Part, started: Started) -> bool:
        how = started.ended() or "does not answer"
        self._screen.trouble(f"{part.title} {how}.", started.log, started.last_words())
        return False

    def _spawn(self, part: Part) -> Started:
        started = process.start(part.name, part.command, part.environment, self._home / "logs")
        self._running[part.name] = started
        leftovers.note(self._home, list(self._running.values()))
        return started

    async def _watch_one(self, part: Process) -> None:
        rest_s = part.rest_s
        while True:
            born = time.monotonic()
            while (how := self._running[part.name].ended()) is None:
                await asyncio.sleep(LOOK_S)
            log = self._running[part.name].log
            process.stop([self._running[part.name]])  # what it may have left behind
            if part.is_essential:
                raise EssentialEnded(f"{part.title} {how}. Its log: {log}. Everything else is ended as well")
            rest_s = part.rest_s if time.monotonic() - born > LONG_LIFE_S else min(rest_s * 2, LONGEST_REST_S)
            self._screen.trouble(f"{part.title} {how}; the rest goes on. It is started again in {rest_s:.0f} s.", log)
            await asyncio.sleep(rest_s)
            await self._start(part)
