"""Profiles: which services a start brings up, as the guide's deployment models have it."""

from dataclasses import dataclass
from enum import StrEnum

BUILT = ("core", "ai", "connectors", "analytics")


class Profile(StrEnum):
    """What to start. `dev` is everything that is built."""

    DEV = "dev"
    CORE = "core"
    PREMIUM = "premium"
    ENTERPRISE = "enterprise"


NAMED: dict[Profile, tuple[str, ...]] = {
    Profile.DEV: BUILT,
    Profile.CORE: ("core",),
    Profile.PREMIUM: ("core", "ai", "analytics"),
    Profile.ENTERPRISE: ("core", "ai", "connectors", "analytics", "notifications", "subscription"),
}


@dataclass(frozen=True)
class Plan:
    """The services of a profile: those that can be started and those that are not built yet."""

    services: tuple[str, ...]
    missing: tuple[str, ...]
    has_operators: bool  # Dagster, dbt and MLflow


def plan(profile: Profile) -> Plan:
    named = NAMED[profile]
    return Plan(
        services=tuple(service for service in named if service in BUILT),
        missing=tuple(service for service in named if service not in BUILT),
        has_operators=profile is not Profile.CORE,
    )
