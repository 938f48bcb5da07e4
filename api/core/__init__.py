"""Core: who you are, and the books."""

from api.core import accounts, api_keys, auth, categories, dashboard, imports, transactions, transfers

ROUTERS = (
    auth.router,
    api_keys.router,
    accounts.router,
    transactions.router,
    transfers.router,
    categories.router,
    dashboard.router,
    imports.router,
    imports.uploads,
)
