"""AI: what a movement of money is, how sure that is, and what people teach."""

import asyncio

from api.ai import analyze, feedback, status
from ml import registry

ROUTERS = (status.router, analyze.router, feedback.router)


async def start() -> None:
    """Have the model in memory before the first question."""
    await asyncio.to_thread(registry.champion)
