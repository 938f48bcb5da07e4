"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, providers, receipts

ROUTERS = (
    providers.router, bank.router, connections.units, connections.outside, receipts.router, receipts.uploads,
)  # fmt: skip
