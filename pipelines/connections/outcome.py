"""How a sync ended, in Dagster's words: counts and codes, and nothing that anybody's provider or books say. Pure."""

from collections.abc import Iterable, Mapping
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


def freshness(connections: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """What the check of a source says of each of its connections, as AssetCheckResult and AssetCheckEvaluation take it.

    Those that nobody has consented to yet were never in step.
    """
    known = [each for each in connections if each["state"] != "connecting"]
    out = [each for each in known if not is_fresh(each, now)]
    return {
        "passed": not out,
        "severity": dg.AssetCheckSeverity.WARN,
        "metadata": {
            "connections": len(known),
            "out_of_step": len(out),
            "which": dg.MetadataValue.json([_listed(each) for each in out[:LISTED]]),
        },
    }


def _listed(connection: Mapping[str, Any]) -> dict[str, Any]:
    last = connection["last_success_at"]
    return {
        "organization_id": str(connection["organization_id"]),
        "connection_id": str(connection["connection_id"]),
        "state": connection["state"],
        "last_success_at": last.isoformat() if last else None,
        "failures": connection["failures"],
        "code": connection["code"],
    }
