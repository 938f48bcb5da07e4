"""Core: who you are, and the books."""

from api.core import accounts, api_keys, auth, categories, dashboard, transactions

ROUTERS = (
    auth.router,
    api_keys.router,
    accounts.router,
    transactions.router,
    categories.router,
    dashboard.router,
)
