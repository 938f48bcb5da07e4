"""What a part of the platform is: a process that stays, or a step that ends. `platform.py` lists them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ai2.launcher.ports import Port

Question = Callable[[], Awaitable[bool]]


async def always() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that runs until the end. `answers` tells when it is of use to others."""

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    answers: Question
    ports: tuple[Port, ...] = ()
    # These must be there; these must have had their turn, however it went.
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    # Where to look at it, by name.
    urls: Mapping[str, str] = field(default_factory=dict)
    # Without it nothing works: its end is the end. The others are started again after a rest.
    is_essential: bool = False
    rest_s: float = 30
    patience_s: float = 180


@dataclass(frozen=True, kw_only=True)
class Step:
    """Work that is done once on the way up, where it is needed."""

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    is_wanted: Question = always
    is_essential: bool = False


Part = Process | Step
