"""Made: what a builder of a report of its own gives, and what it works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.reports.model import Asked, Note, Part, Table, Told
from ai2.reports.moments import Known


@dataclass(frozen=True, kw_only=True)
class Made:
    """A report's tables with what is to be known of them. `parts` are those of cells that it keeps itself."""

    title: str
    tables: tuple[Table, ...] = ()
    notes: tuple[Note, ...] = ()
    computed_by: tuple[str, ...] = ()
    parts: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    told: tuple[Told, ...] = ()


Builder = Callable[[Connection, Organization, Asked, Known], Awaitable[Made]]
