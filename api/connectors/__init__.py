"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, providers, status

ROUTERS = (providers.router, bank.router, connections.units, connections.outside, status.router)
