"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, providers, third_party

ROUTERS = (providers.router, bank.router, connections.units, connections.outside, third_party.router)
