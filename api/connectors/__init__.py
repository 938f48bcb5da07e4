"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, consent, institutions, providers, status

ROUTERS = (
    providers.router, institutions.router, bank.router, consent.router, connections.units, connections.outside,
    status.router,
)  # fmt: skip
