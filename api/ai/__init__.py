"""AI: what a movement of money is, how sure that is, and what people teach."""

import asyncio

from ai2.kit import logs
from api.ai import (
    analyze,
    anomalies,
    feedback,
    forecast,
    insights,
    learning,
    models,
    orchestrate,
    recommendations,
    recurring,
    status,
    suggestions,
    tax,
    tax_figures,
)
from ml import registry

ROUTERS = (
    status.router,
    analyze.router,
    feedback.router,
    suggestions.router,
    recurring.router,
    tax.router,
    tax_figures.router,
    forecast.router,
    anomalies.router,
    insights.router,
    recommendations.router,
    orchestrate.router,
    learning.router,
    models.router,
)


async def start() -> None:
    """Have the model in memory before the first question."""
    try:
        await asyncio.to_thread(registry.champion)
    except Exception:  # noqa: BLE001 - without it the other answers go on, and each question says what is wrong
        logs.logger().exception("the model does not load")
