"""Forgetting: what Dagster remembers of an organization that was erased, names of its accounts and files among it.

Its tables are the only way: Dagster deletes whole runs, but what its sensors report has no run.
"""

import shutil
from uuid import UUID

import psycopg
from psycopg.errors import UndefinedTable

from ai2.kit.database import Role, connection_parameters
from ai2.kit.settings import settings

STATEMENTS = (
    "delete from asset_check_executions where run_id = any(%(runs)s) or evaluation_event like %(named)s",
    """
    update asset_keys set last_materialization = null, cached_status_data = null
    where last_run_id = any(%(runs)s) or last_materialization like %(named)s
    """,
    "delete from event_logs where run_id = any(%(runs)s) or event like %(named)s",
    "delete from run_tags where run_id = any(%(runs)s)",
    "delete from runs where run_id = any(%(runs)s)",
)


def forget(organization_id: UUID) -> int:
    """Take away the runs of an organization and every event that names it; how many runs there were."""
    try:
        with psycopg.connect(**connection_parameters(Role.DAGSTER, "dagster")) as db:
            found = db.execute(
                "select run_id from run_tags where key = 'ai2/organization_id' and value = %s", [str(organization_id)]
            )
            runs = [str(run_id) for (run_id,) in found]
            for statement in STATEMENTS:
                db.execute(statement, {"runs": runs, "named": f"%{organization_id}%"})
    except UndefinedTable:  # Dagster never ran here
        return 0
    for run_id in runs:
        shutil.rmtree(settings().home / "dagster" / "storage" / run_id, ignore_errors=True)
    return len(runs)
