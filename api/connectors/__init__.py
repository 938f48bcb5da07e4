"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, consents, providers, webhooks

ROUTERS = (providers.router, bank.router, connections.units, connections.outside, consents.router, webhooks.router)
