"""How a sync ended, in Dagster's words: counts and codes, and nothing that anybody's provider or books say. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from ai2.ingest.sources import names
from ai2.ingest.sources.model import Source
from pipelines.connections.partitions import key_of

IN_STEP = "in_step"
# So many times as long as it is between two syncs may go by without one that went well.
PATIENCE = 3
LISTED = 100


def materialized(sync: Mapping[str, Any]) -> dg.AssetMaterialization:
    """A sync that went well."""
    return dg.AssetMaterialization(
        asset_key=key_of(sync["provider"]), partition=str(sync["connection_id"]), metadata=told(sync)
    )


def told(sync: Mapping[str, Any]) -> dict[str, Any]:
    """Whose it is, what asked for it and how much came."""
    counts = ("pages", "rows_in", "rows_duplicate", "rows_quarantined", "mails")
    return {
        "organization_id": str(sync["organization_id"]),
        "connection_id": str(sync["connection_id"]),
        "sync_id": str(sync["sync_id"]),
        "trigger": sync["trigger"],
        "dagster/row_count": sync["rows_loaded"],
        **{name: sync[name] for name in counts},
        "seconds": round((sync["finished_at"] - sync["started_at"]).total_seconds(), 3),
    }


def code(sync: Mapping[str, Any]) -> str:
    """Why a sync did not go well: the problem's code."""
    return str((sync["error"] or {}).get("code") or sync["outcome"])


def is_fresh(connection: Mapping[str, Any], now: datetime) -> bool:
    """Whether a connection's books have what its provider had not long ago; one that waits for consent has not."""
    source: Source | None = names.all_of_them().get(connection["provider"])
    longest = timedelta(minutes=(source.every_minutes if source else 60) * PATIENCE)
    is_asked = connection["state"] in ("connected", "syncing", "error")
    return bool(is_asked and now - connection["in_step_at"] < longest)


def out_of_step(connections: Iterable[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    """Those that are not in step, the longest first. Those that nobody has consented to yet were never in step."""
    out = (each for each in connections if each["state"] != "connecting" and not is_fresh(each, now))
    return sorted(out, key=lambda each: (each["in_step_at"], each["connection_id"]))


def freshness(connections: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """What the check of a source says of each of its connections, as AssetCheckResult and AssetCheckEvaluation take it.

    Of many the first are listed, those that have been out of step the longest.
    """
    known = sum(each["state"] != "connecting" for each in connections)
    out = out_of_step(connections, now)
    states = Counter(each["state"] for each in out)
    longest = f", the longest for {_days(out[0], now)} days" if out else ""
    return {
        "passed": not out,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": f"{len(out)} of {known} connections are not in step{longest}",
        "metadata": {
            "connections": known,
            "out_of_step": len(out),
            **{f"out_of_step_{state}": number for state, number in sorted(states.items())},
            "which": dg.MetadataValue.json([_listed(each, now) for each in out[:LISTED]]),
        },
    }


def _days(connection: Mapping[str, Any], now: datetime) -> int:
    return int((now - connection["in_step_at"]).days)


def _listed(connection: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    last = connection["last_success_at"]
    return {
        "organization_id": str(connection["organization_id"]),
        "connection_id": str(connection["connection_id"]),
        "state": connection["state"],
        "last_success_at": last.isoformat() if last else None,
        "days": _days(connection, now),
        "failures": connection["failures"],
        "code": connection["code"],
    }
