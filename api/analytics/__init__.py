"""Analytics: reports that add up, explain themselves and can be reproduced."""

from api.analytics import charts, explaining, insights, reports, trends

ROUTERS = (reports.router, reports.making, explaining.router, charts.router, insights.router, trends.router)
