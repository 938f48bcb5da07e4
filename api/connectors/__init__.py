"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import bank, connections, email, inbound, mails, oauth, providers

ROUTERS = (
    providers.router, bank.router, connections.units, connections.outside,
    email.router, oauth.router, inbound.router, mails.router,
)  # fmt: skip
