"""Build the marts once, in this process: `python -m pipelines.build [dbt's own words]`."""

import sys

from pipelines import dbt

if __name__ == "__main__":
    try:
        # the unit tests check the code, not the data
        dbt.build("--exclude-resource-type", "unit_test", *dbt.tests_cover("touched"), *sys.argv[1:])
    except dbt.BuildFailed as failed:
        sys.exit(str(failed))
