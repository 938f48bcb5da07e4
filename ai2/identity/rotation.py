"""Rotation: everything that the master key seals is sealed by a new one, while servers run.

First the new key is put in front: processes look at the file whenever it changes, seal by it from then on, and open by
either. Then all is sealed anew, some rows at a time. The former key goes when nothing is left that it sealed, and when
who sealed something by it just before must have ended. Broken off anywhere, it goes on when done again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from ai2.identity import rotation_repository as repository
from ai2.identity.rotation_repository import Sealed
from ai2.identity.second_factors import purpose_of
from ai2.kit import master_keys
from ai2.kit.database import Database
from ai2.kit.envelope import ORGANIZATION_KEY, Tampered, is_sealed_by_the_first, seal, unseal
from ai2.kit.errors import Conflict
from ai2.kit.settings import settings

AT_ONCE = 500
# What a request may take besides.
SLACK_S = 5.0


class NotOpened(Conflict):
    """Some keys were sealed by no master key that is known here; the former ones are kept. Which: see the detail."""


@dataclass(frozen=True)
class Rotated:
    """How many secrets there are, and how many of them were sealed by a former key."""

    checked: int = 0
    sealed_anew: int = 0

    def __add__(self, other: "Rotated") -> "Rotated":
        return Rotated(self.checked + other.checked, self.sealed_anew + other.sealed_anew)


@dataclass(frozen=True)
class Place:
    """A table whose rows each hold something that the master key sealed, and for which purpose."""

    sealed: Sealed
    purpose: Callable[[UUID], bytes]


PLACES = (
    Place(
        repository.Sealed("identity.organization_keys", "organization_id", "wrapped_key"), lambda _: ORGANIZATION_KEY
    ),
    Place(Sealed("identity.second_factors", "user_id", "sealed_secret"), purpose_of),
)


async def rotate(
    pipeline: Database, *, told: Callable[[str], None] = lambda _: None, settle_s: float | None = None
) -> Rotated:
    """Seal everything by a new master key, and forget the former one. `pipeline` is the pipeline role's database."""
    if master_keys.is_ours():
        master_keys.put_new_first()
    first = await seal_anew(pipeline)
    wait_s = settings().request_timeout_ms / 1000 + SLACK_S if settle_s is None else settle_s
    told(f"{first.sealed_anew} of {first.checked} sealed anew; waiting {wait_s:.0f} s for what is under way")
    await asyncio.sleep(wait_s)
    last = await seal_anew(pipeline)
    if master_keys.is_ours():
        master_keys.retire_former()
    return Rotated(last.checked, first.sealed_anew + last.sealed_anew)


async def seal_anew(pipeline: Database) -> Rotated:
    """Seal by the first master key what another one sealed. Raises NotOpened where none opens it, after all others."""
    done, lost = Rotated(), []
    for place in PLACES:
        after: UUID | None = None
        while True:
            async with pipeline.transaction() as db:
                found = await repository.page(db, place.sealed, after=after, limit=AT_ONCE)
                changed, unopened = _sealed_anew(place, found)
                await repository.put(db, place.sealed, changed)
            done += Rotated(len(found), len(changed))
            lost += unopened
            if len(found) < AT_ONCE:
                break
            after = found[-1][0]
    if lost:
        raise NotOpened(f"no master key opens those of {', '.join(lost[:20])}: {len(lost)} in all")
    return done


def _sealed_anew(place: Place, found: list[tuple[UUID, bytes]]) -> tuple[dict[UUID, bytes], list[str]]:
    """Those that another key sealed, by the first one; and those that none opens."""
    changed, lost = {}, []
    for key, sealed in found:
        purpose = place.purpose(key)
        if is_sealed_by_the_first(sealed, purpose):
            continue
        try:
            changed[key] = seal(unseal(sealed, purpose), purpose)
        except Tampered:
            lost.append(f"{place.sealed.table} {key}")
    return changed, lost
