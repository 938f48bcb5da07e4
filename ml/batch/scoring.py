"""Scoring: public knowledge and the model asked of many, in a thread, while the database has its say of those before.

The database works in a process of its own, and it has most of the work. Another process for this would be one more to
start and to hold a model, and every answer would be packed and unpacked.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

from ml import registry
from ml.answers import Categoriser, Descriptor, Verdict
from ml.copies import FILE, About, load

if TYPE_CHECKING:
    from ml.categoriser.decide import PublicCategoriser


class Scoring:
    """Answers questions while others are asked. Close it when there are no more."""

    def __init__(self, about: About | None = None) -> None:
        self._about = about
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        # it takes seconds to read, which what is to be asked takes to gather, too
        self._beside.submit(_model, about)

    def ask(self, descriptors: Sequence[Descriptor]) -> "asyncio.Future[list[Verdict]]":
        """What is publicly known of each, in their order, as soon as it is found."""
        return asyncio.get_running_loop().run_in_executor(self._beside, decide, list(descriptors), self._about)

    def close(self) -> None:
        self._beside.shutdown(wait=False, cancel_futures=True)


def decide(descriptors: list[Descriptor], about: About | None = None) -> list[Verdict]:
    """What the champion says, or another model that is tried."""
    return _model(about).decide(descriptors)


def _model(about: About | None) -> Categoriser:
    return registry.champion() if about is None else _tried(about.version, about.sha256, about.folder)


@lru_cache(maxsize=1)
def _tried(version: str, sha256: str, folder: str) -> "PublicCategoriser":
    from ml.categoriser.decide import PublicCategoriser

    return PublicCategoriser(load(registry.copies().home / folder / FILE, sha256), f"{registry.NAME}-{version}")
