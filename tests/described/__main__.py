"""Every operation of the description, asked everything, in three roles: `make schemathesis`."""

import json
import os
import secrets
import sys
import tempfile
from pathlib import Path
from random import Random

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "100"))
SEED = int(os.environ.get("SCHEMATHESIS_SEED", secrets.randbits(32)))
ENOUGH = 0.8


def main() -> int:
    from ai2.kit import postgres
    from ai2.kit.migrate import migrate
    from pipelines import dbt
    from tests.api.test_any_input import GOOD
    from tests.connections.fakes.rest import Payments
    from tests.described import behind
    from tests.described.held import HELD
    from tests.described.run import run
    from tests.described.served import served, worked
    from tests.described.stock import ROLES, Stock

    home = Path(tempfile.mkdtemp(prefix="ai2-described-"))
    home.chmod(0o711)
    os.environ["AI2_HOME"] = str(home)  # after what is imported, for the tests' own cases name another
    print(f"seed {SEED}, {EXAMPLES} examples an operation", flush=True)
    with postgres.running(home, fsync="off", synchronous_commit="off"):
        migrate()
        dbt.invoke("run")  # without marts a report is a 503, as it should be
        watched = home / "watched"
        watched.mkdir()
        told = {"CONNECT_PRIVATE": "true", "WATCHED_FOLDERS": json.dumps([str(watched)])}
        with (
            served(home, ACCESS_TOKEN_MINUTES="600", **told) as address,
            worked(home, **told),
            Payments() as payments,
        ):
            payments.add("p1", "2026-03-01", 120_000, "Takings")
            held, good = HELD | behind.held(watched), GOOD | behind.good(payments)
            found = []
            for role in sys.argv[1:] or ROLES:
                stock = Stock(address, Random(f"{SEED} {role}"))
                stock.makers |= behind.makers()
                one = run(address, role, stock, examples=EXAMPLES, seed=SEED, phases={}, held=held, good=good)
                reached = f"{len(one.succeeded())} of {len(one.answers)} operations reach a 2xx"
                print(f"{role}: {one.requests} requests, {reached}")
                for label in sorted(set(one.answers) - one.succeeded()):
                    print("never 2xx:", label, dict(one.answers[label]), flush=True)
                found.append(one)
    every = {label for one in found for label in one.answers}
    share = len({label for one in found for label in one.succeeded()}) / len(every)
    print(f"{sum(one.requests for one in found)} requests; {share:.0%} of {len(every)} operations reach a 2xx")
    return 1 if share < ENOUGH or any(one.failures or one.errors for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
