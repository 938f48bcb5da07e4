"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, consents, providers, status, webhooks

ROUTERS = (
    providers.router, bank.router, connections.units, connections.outside, consents.router, status.router,
    webhooks.router,
)  # fmt: skip
