"""AI: what a movement of money is, how sure that is, and what people teach."""

from api.ai import analyze, feedback

ROUTERS = (analyze.router, feedback.router)
