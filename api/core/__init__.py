"""Core: who you are, and the books."""

import asyncio
from importlib import import_module

from ai2.ingest.loading import checker
from ai2.kit.settings import settings
from api.core import (
    accounts,
    api_keys,
    attachments,
    audit,
    auth,
    budgets,
    categories,
    dashboard,
    events,
    filters,
    imports,
    members,
    oidc,
    organization,
    password,
    periods,
    privacy,
    rates,
    rules,
    second_factor,
    sessions,
    splits,
    token_keys,
    transactions,
    transactions_bulk,
    transactions_export,
    transactions_history,
    transfers,
)

ROUTERS = (
    auth.router,
    password.router,
    token_keys.router,
    second_factor.router,
    oidc.router,
    oidc.outside,
    sessions.router,
    api_keys.router,
    organization.router,
    members.router,
    accounts.router,
    transactions_export.router,  # before a transaction's id, which is any word
    transactions.router,
    transactions_bulk.router,
    transactions_history.router,
    splits.router,
    attachments.router,
    attachments.uploads,
    transfers.router,
    categories.router,
    filters.router,
    rules.router,
    periods.router,
    rates.router,
    budgets.router,
    dashboard.router,
    events.router,
    audit.router,
    privacy.router,
    imports.router,
    imports.uploads,
)

# Starting takes all of a small machine; the first import is rarely sooner.
WARM_AFTER_S = 15


async def start() -> None:
    """Load what asks providers; and a while after the start, start what the first import would wait seconds for."""
    if settings().oidc_providers:
        import_module("ai2.identity.oidc_provider")
    asyncio.get_running_loop().call_later(WARM_AFTER_S, checker.warm)
