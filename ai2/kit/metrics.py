"""Metrics: what Prometheus reads, each labelled with the service it tells of."""

from collections.abc import Iterable

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    REGISTRY,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

REQUESTS = Counter("ai2_http_requests_total", "Requests answered", ["service", "method", "route", "status"])
SECONDS = Histogram(
    "ai2_http_request_seconds",
    "Time to answer a request",
    ["service", "method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RUNNING = Gauge("ai2_http_requests_running", "Requests being answered now", ["service"])

REGISTRY.unregister(GC_COLLECTOR)
REGISTRY.unregister(PLATFORM_COLLECTOR)


class _Of(Collector):
    """What is told of some services, and of the process they share."""

    def __init__(self, services: Iterable[str]) -> None:
        self.services = set(services)

    def collect(self) -> Iterable[Metric]:
        for family in REGISTRY.collect():
            family.samples = [s for s in family.samples if s.labels.get("service") in {None, *self.services}]
            if family.samples:
                yield family


def exposition(services: Iterable[str]) -> bytes:
    """The metrics of these services in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Of(services))
    return generate_latest(registry)
