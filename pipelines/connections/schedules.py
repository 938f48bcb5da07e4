"""Every hour what is due is synced. The worker looks every minute besides: whoever comes first does it.

When each connection is due is spread by a tenth of its hour; and each installation has a minute of its own, so that
not all of them ask the same providers at once.
"""

import zlib

import dagster as dg

from ai2.kit.settings import settings
from pipelines.connections.jobs import sync_connections

MINUTE = zlib.crc32(str(settings().home.absolute()).encode()) % 60

every_hour = dg.ScheduleDefinition(
    name="every_hour",
    job=sync_connections,
    cron_schedule=f"{MINUTE} * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
