"""A cold start on statement lines of the American and British kind: how many are right, what is applied, what flips.

    python -m benchmarks.cold_start [--show]

`statement_lines.csv` was written by hand for this project: lines as banks and card networks print them, of nobody's
account, with the category that Plaid's scheme has for them. The half `tune` (by a hash of the text) was looked at while
the tables were written, the half `check` was not. Whoever wrote the lines also wrote the tables, and thought of the
same shops: real statements of real people are harder.
"""

import csv
import hashlib
import sys
import time
from pathlib import Path

from ml import registry
from ml.answers import Descriptor, Verdict
from ml.categoriser.perturb import flip_rate
from ml.governance.retrain import ensure_champion
from ml.knowledge.labels import primary_of

LINES = Path(__file__).with_name("statement_lines.csv")


def main() -> None:
    ensure_champion()
    categoriser = registry.champion()
    with LINES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    asked = [Descriptor(row["description"], money_in=not row["amount"].startswith("-")) for row in rows]
    verdicts = categoriser.decide(asked)
    found = {}
    for half in ("tune", "check"):
        pairs = [pair for pair in zip(rows, verdicts, strict=True) if half_of(pair[0]["description"]) == half]
        found[half] = told(half, pairs)
    flips = flip_rate(categoriser, asked)
    print(f"perturbed: {flips.rate:.2%} of {flips.asked:,} answers flip; {flips.by_kind}")
    took = []
    for each in asked:
        started = time.perf_counter()
        categoriser.decide([each])
        took.append((time.perf_counter() - started) * 1000)
    took.sort()
    for half, how in (("check", "that nobody looked at"), ("tune", "that was looked at while the tables were written")):
        registry.log_evaluation(
            f"cold start, the half {how}",
            {**found[half], "flips_when_perturbed": flips.rate},
            {
                "data": "statement lines written by hand for this project, of the American and British kind",
                "split": f"the half {how}, by a hash of the text",
                "judged_by": "primary category; merchant knowledge and the model together, nothing of an organization",
                "model": categoriser.version,
                "marks": "right 0.70, applied alone 0.45, of these right 0.95; flips 0.02 at most",
                "caution": "whoever wrote the lines wrote the tables too: real statements of real people are harder",
            },
        )
    print(f"one decision: p50 {took[len(took) // 2]:.2f} ms, p99 {took[int(len(took) * 0.99)]:.2f} ms")


def half_of(text: str) -> str:
    return "tune" if hashlib.sha256(text.encode()).digest()[0] < 128 else "check"


def told(half: str, pairs: list[tuple[dict[str, str], Verdict]]) -> dict[str, float]:
    is_right = [primary_of(verdict.detailed) == primary_of(row["detailed"]) for row, verdict in pairs]
    applied = [right for right, (_, verdict) in zip(is_right, pairs, strict=True) if verdict.decision == "apply"]
    print(
        f"{half:6}{len(pairs):>5} lines: right {sum(is_right) / len(pairs):.3f}; "
        f"applied alone {len(applied) / len(pairs):.3f}, right {sum(applied) / len(applied):.3f} of them"
    )
    if half == "tune" and "--show" in sys.argv:
        for right, (row, verdict) in zip(is_right, pairs, strict=True):
            if not right:
                print(f"  {row['description']}: {row['detailed']}, not {verdict.detailed} ({verdict.decision})")
    return {
        "rows": len(pairs),
        "right": sum(is_right) / len(pairs),
        "applied_alone": len(applied) / len(pairs),
        "applied_alone_right": sum(applied) / len(applied),
    }


if __name__ == "__main__":
    main()
