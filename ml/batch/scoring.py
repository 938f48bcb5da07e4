"""Scoring: public knowledge and the model asked of many, in a process beside, while the database writes.

The process is started where there are enough questions to pay for its start; else a thread does it.
"""

import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog

from ml import registry
from ml.answers import Descriptor, Verdict
from ml.copies import FILE, About, load

if TYPE_CHECKING:
    from ml.categoriser.decide import PublicCategoriser

# From so many questions on: it takes some seconds to start, and does a thousand a second or more.
MANY = 20_000

log = structlog.get_logger(__name__)


class Scoring:
    """Answers questions while others are asked. Close it when there are no more."""

    def __init__(self, questions: int, about: About | None = None) -> None:
        self._about = about
        self._beside: Executor
        if questions < MANY:
            self._beside = ThreadPoolExecutor(1)
        else:
            self._beside = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def ask(self, descriptors: Sequence[Descriptor]) -> "asyncio.Future[list[Verdict]]":
        """What is publicly known of each, in their order, as soon as it is found."""
        return asyncio.get_running_loop().run_in_executor(self._beside, decide, list(descriptors), self._about)

    async def answer(self, asked: "asyncio.Future[list[Verdict]]", descriptors: Sequence[Descriptor]) -> list[Verdict]:
        """The answers; where the process beside was killed they are found here."""
        try:
            return await asked
        except BrokenProcessPool:
            log.warning("scoring_process_died")
            self._beside = ThreadPoolExecutor(1)
            return await self.ask(descriptors)

    def close(self) -> None:
        self._beside.shutdown(wait=False, cancel_futures=True)


def decide(descriptors: list[Descriptor], about: About | None = None) -> list[Verdict]:
    """What the champion says, or another model that is tried, in whichever process this is."""
    model = registry.champion() if about is None else _tried(about.version, about.sha256, about.folder)
    return model.decide(descriptors)


@lru_cache(maxsize=1)
def _tried(version: str, sha256: str, folder: str) -> "PublicCategoriser":
    from ml.categoriser.decide import PublicCategoriser

    return PublicCategoriser(load(registry.copies().home / folder / FILE, sha256), f"{registry.NAME}-{version}")
