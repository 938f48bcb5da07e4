"""Analytics: reports that add up, explain themselves and can be reproduced."""

from api.analytics import explaining, reports

ROUTERS = (reports.router, reports.making, explaining.router)
