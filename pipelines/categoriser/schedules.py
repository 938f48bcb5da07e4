"""Every night it is looked whether the last training is so many days old (AI_RETRAIN_DAYS)."""

import dagster as dg

from ai2 import flows
from ml.governance.triggers import AT_NIGHT
from pipelines.categoriser.jobs import retrain
from pipelines.categoriser.sensors import wanted
from pipelines.resources import Books


@dg.schedule(
    job=retrain,
    cron_schedule=f"{AT_NIGHT.minute} {AT_NIGHT.hour} * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Trains the model that all share when its last training is old enough.",
)
def training_by_age(books: Books) -> dg.RunRequest | dg.SkipReason:
    return wanted(books.of_all(flows.look_at_models), by_schedule=True)
