"""The score: `python -m tests.conformance [family ...]` runs the cases and says how many hold.

Ends with 1 where a case fails.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable

from tests.conformance import reading
from tests.conformance.outcome import Outcome

DATABASE_FAMILIES = ("pending", "transfers")


def main(families: list[str]) -> int:
    outcomes = [outcome for outcome in _run(families) if not families or outcome.family in families]
    for outcome in outcomes:
        if not outcome.holds:
            print(f"FAILS {outcome.family}/{outcome.name}: {outcome.said}")
    by_family: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_family[outcome.family].append(outcome)
    for family, found in by_family.items():
        print(score(family, found))
    print(score("in all", outcomes))
    return 0 if all(outcome.holds for outcome in outcomes) else 1


def score(name: str, outcomes: list[Outcome]) -> str:
    held, silent = sum(outcome.holds for outcome in outcomes), sum(outcome.silent for outcome in outcomes)
    share = 100 * held / len(outcomes) if outcomes else 100
    return f"{name:<10} {held:>4} of {len(outcomes):>4} = {share:5.1f} %, {silent} wrong without a word"


def _run(families: list[str]) -> Iterable[Outcome]:
    if not families or set(families) - set(DATABASE_FAMILIES):
        yield from reading.run()
    if not families or set(families) & set(DATABASE_FAMILIES):
        from tests.conformance import books

        yield from books.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
