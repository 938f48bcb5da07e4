"""Loading: requests at a fixed rate or as many as go, over raw sockets; and what the servers worked for them.

At a fixed rate a request is due at its time, whether those before it were answered or not, and its latency counts from
then: a server that stalls is not spared the requests that it kept waiting.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

CONNECTIONS = 64
# A server closes what is idle for 5 s.
IDLE_S = 4.0


class Refused(RuntimeError):
    """An answer that is no success."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds from when requests were due until their answers were there, and how many were refused."""

    taken_ms: list[float]
    refused: int

    def at(self, share: float) -> float:
        ordered = sorted(self.taken_ms)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass
class Connection:
    """A kept connection, and when it was last used."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_at: float


class Target:
    """A server on loopback, asked with one credential."""

    def __init__(self, port: int, key: str = "") -> None:
        self.port, self._key = port, key

    def ask(self, path: str) -> Any:
        """One answer, read."""
        return json.loads(asyncio.run(self._once(path)))

    def at_rate(self, paths: Sequence[str], per_s: float, seconds: float) -> Latency:
        """Ask at a fixed rate, the paths in turn."""
        return asyncio.run(self._at_rate(paths, per_s, seconds))

    def throughput(self, path: str, connections: int, seconds: float) -> float:
        """Answers a second with so many clients that ask again as soon as they have their answer."""
        return asyncio.run(self._throughput(path, connections, seconds))

    async def _once(self, path: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26)
        try:
            return await self._exchange(reader, writer, path)
        finally:
            writer.close()

    async def _at_rate(self, paths: Sequence[str], per_s: float, seconds: float) -> Latency:
        free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            free.put_nowait(await self._connected())
        taken, refused = list[float](), 0

        async def one(path: str, due: float) -> None:
            nonlocal refused
            connection = await free.get()
            if time.perf_counter() - connection.used_at > IDLE_S:
                connection.writer.close()
                connection = await self._connected()
            try:
                await self._exchange(connection.reader, connection.writer, path)
            except Refused:
                refused += 1
            taken.append((time.perf_counter() - due) * 1000)
            connection.used_at = time.perf_counter()
            free.put_nowait(connection)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as running:
            for number, path in enumerate(itertools.islice(itertools.cycle(paths), int(per_s * seconds))):
                due = began + number / per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                running.create_task(one(path, due))
        while not free.empty():
            free.get_nowait().writer.close()
        return Latency(taken, refused)

    async def _connected(self) -> "Connection":
        return Connection(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26), time.perf_counter())

    async def _throughput(self, path: str, connections: int, seconds: float) -> float:
        until = time.perf_counter() + seconds

        async def client() -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26)
            answers = 0
            while time.perf_counter() < until:
                await self._exchange(reader, writer, path)
                answers += 1
            writer.close()
            return answers

        began = time.perf_counter()
        answers = await asyncio.gather(*(client() for _ in range(connections)))
        return sum(answers) / (time.perf_counter() - began)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {self._key}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(length)
        if b" 200 " not in head[:16]:
            raise Refused(f"{path}: {head.decode()}{body.decode()[:300]}")
        return body


class Work:
    """What processes and those they started have worked since it was made."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._before = dict(self._now())

    def ms(self) -> float:
        """CPU milliseconds; of processes that came and went meanwhile nothing is known."""
        return sum(now - self._before[pid] for pid, now in self._now() if pid in self._before) * 1000

    def _now(self) -> Iterator[tuple[int, float]]:
        for process in map(psutil.Process, self._pids):
            for each in (process, *process.children(recursive=True)):
                yield each.pid, sum(each.cpu_times()[:2])
