"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, institutions, providers, returns, status

ROUTERS = (
    providers.router, institutions.router, bank.router, returns.router, connections.units, connections.outside,
    status.router,
)  # fmt: skip
