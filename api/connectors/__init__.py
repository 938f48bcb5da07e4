"""Connectors: connections to banks, mailboxes and servers, and where each stands."""

from api.connectors import (
    bank,
    connections,
    consents,
    email,
    inbound,
    institutions,
    mails,
    oauth,
    providers,
    receipts,
    returns,
    status,
    third_party,
    webhooks,
)

ROUTERS = (
    providers.router, institutions.router, bank.router, returns.router, third_party.router, connections.units,
    connections.outside, consents.router, status.router, webhooks.router, receipts.router, receipts.uploads,
    email.router, oauth.router, inbound.router, mails.router,
)  # fmt: skip
