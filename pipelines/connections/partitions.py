"""Partitions: a source's connections, by their ids. A thousand connections are a thousand keys, not assets."""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from ai2.ingest.sources import names


def key_of(provider: str) -> dg.AssetKey:
    return dg.AssetKey(["connections", provider])


def name_of(provider: str) -> str:
    return f"{provider}_connections"


def of(provider: str) -> dg.DynamicPartitionsDefinition:
    """The connections of a source; which there are Dagster is told by `follow`."""
    return dg.DynamicPartitionsDefinition(name=name_of(provider))


def follow(instance: dg.DagsterInstance, known: Iterable[Mapping[str, Any]]) -> None:
    """Tell Dagster of connections that are new, and let it forget those that were ended or erased."""
    present: dict[str, set[str]] = {name: set() for name in names.all_of_them()}
    for connection in known:
        present.setdefault(connection["provider"], set()).add(str(connection["connection_id"]))
    for provider, ids in present.items():
        told = set(instance.get_dynamic_partitions(name_of(provider)))
        if ids - told:
            instance.add_dynamic_partitions(name_of(provider), sorted(ids - told))
        for gone in sorted(told - ids):
            instance.delete_dynamic_partition(name_of(provider), gone)
