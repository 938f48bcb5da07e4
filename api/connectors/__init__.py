"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, institutions, providers, returns, status, third_party

ROUTERS = (
    providers.router, institutions.router, bank.router, returns.router, third_party.router, connections.units,
    connections.outside, status.router,
)  # fmt: skip
