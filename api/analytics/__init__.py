"""Analytics: reports that add up, explain themselves and can be reproduced."""

from api.analytics import (
    changes,
    charts,
    downloads,
    effects,
    explaining,
    exports,
    insights,
    quality,
    reports,
    schedules,
    trends,
)

ROUTERS = (
    reports.router,
    reports.making,
    explaining.router,
    changes.router,
    downloads.router,
    charts.router,
    insights.router,
    trends.router,
    effects.router,
    quality.router,
    exports.router,
    exports.asking,
    schedules.router,
)
