"""How well receipts find their transactions in generated months, and how long 10,000 take among 100,000 rows.

    python -m benchmarks.receipts           measures, on seeds 1001 to 1020
    python -m benchmarks.receipts --tune    fits the weights and shows what bars would do, on seeds 1 to 20

A pair counts as found where it was applied alone. Precision is the part of these that is true; recall the part of all
true pairs. What is put to review is told beside it.
"""

import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ai2.receipts.matching import deciding, weights
from ai2.receipts.matching.candidates import Index, find
from ai2.receipts.matching.deciding import decide
from ai2.receipts.matching.model import Known
from ai2.receipts.matching.scoring import signs_of
from benchmarks.receipt_months import Months, make, rates_of

# What the months do not have: these are set by hand.
SAID = ("base", "alias", "other_amount")
TUNING, MEASURING = range(1, 21), range(1001, 1021)
BARS = ((1.0, 0.3), (1.0, 0.4), (1.0, 0.5), (1.0, 1.0))


def main() -> None:
    if "--tune" in sys.argv:
        tune()
        return
    measure(MEASURING)
    large()


def measure(seeds: Iterable[int]) -> None:
    right, applied, true, kinds = 0, 0, 0, Counter[tuple[str, str]]()
    offered = 0
    for seed in seeds:
        months = make(seed)
        verdicts = decide(months.receipts, months.rows, Known(), rates_of(months.receipts))
        alone = {(each.document_id, each.transaction_id) for each in verdicts if each.state == "applied"}
        shown = {(each.document_id, each.transaction_id) for each in verdicts}
        right += len(alone & months.truth)
        applied += len(alone)
        true += len(months.truth)
        offered += len(shown & months.truth)
        _count(kinds, months, alone)
    print(f"{true} pairs: precision {right / applied:.4f} of {applied} applied alone, recall {right / true:.4f}")
    print(f"with what is put to review: {offered / true:.4f}")
    for kind in sorted({kind for kind, _ in kinds}):
        found, wrong, all_of_it = (kinds[kind, which] for which in ("right", "wrong", "true"))
        print(f"  {kind}: {found} of {all_of_it} found, {wrong} wrong")


def _count(kinds: Counter[tuple[str, str]], months: Months, alone: set[tuple[object, object]]) -> None:
    for pair in months.truth:
        kinds[months.kinds[pair[0]], "true"] += 1
    for pair in alone:
        kinds[months.kinds[pair[0]], "right" if pair in months.truth else "wrong"] += 1  # type: ignore[index]


def tune() -> None:
    """Fit the weights: the row of a receipt, or none, is drawn with odds of the exponential of its score.

    What is paid in parts or collected has no row of its own, and is left out. The bars were chosen from the table.
    """
    import numpy as np
    from scipy.optimize import minimize

    names = [name for name in weights.WEIGHTS if name not in SAID]
    choices = [choice for seed in TUNING for choice in _choices(make(seed), names)]
    table = np.array([signs for choice in choices for signs in choice[0]])
    whose = np.repeat(np.arange(len(choices)), [len(choice[0]) for choice in choices])
    right = np.array([place for choice in choices for place in choice[1]], dtype=bool)

    def loss(given: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[float, object]:
        score = np.clip(given[0] + table @ given[1:], -40, 40)
        odds = np.exp(score)
        total = 1 + np.bincount(whose, odds, len(choices))
        part = odds / total[whose]
        slope = np.concatenate([[np.sum(part) - np.sum(right)], table.T @ (part - right)])
        return float(np.sum(np.log(total)) - np.sum(score[right]) + 0.5 * given[1:] @ given[1:]), slope + np.array(
            [0.0, *given[1:]]
        )

    found = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B").x
    fitted = {name: round(float(value), 1) for name, value in zip(("base", *names), found, strict=True)}
    print(f"{len(choices)} receipts, {len(table)} candidates")
    print("".join(f'    "{name}": {value},\n' for name, value in fitted.items()))
    weights.WEIGHTS = {**weights.WEIGHTS, **fitted}
    for bars in BARS:
        deciding.SURE, deciding.MARGIN = bars
        print("sure from, margin:", *bars)
        measure(TUNING)


def _choices(months: Months, names: Sequence[str]) -> Iterator[tuple[list[list[float]], list[bool]]]:
    """Of each receipt the signs of its candidates, and which of them is its row."""
    index, rates = Index(months.rows), rates_of(months.receipts)
    for receipt in months.receipts:
        if months.kinds[receipt.document_id] in ("parts", "collected"):
            continue
        table, right = [], []
        for way, found in find(receipt, index, rates).items():
            for row, off in found:
                signs, _ = signs_of(receipt, row, way, off, len(found), index, Known())
                table.append([signs.get(name, 0.0) for name in names])
                right.append((receipt.document_id, row.transaction_id) in months.truth)
        if table:
            yield table, right


def large() -> None:
    """10,000 receipts of a year with 100,000 rows, decided at once."""
    months = make(7, purchases=10_000, days=365, shops=900)
    strangers = make(8, purchases=62_000, days=365, shops=900)
    receipts = months.receipts[:10_000]
    rows = (months.rows + strangers.rows)[:100_000]
    started = time.perf_counter()
    verdicts = decide(receipts, rows, Known(), rates_of(receipts))
    took = time.perf_counter() - started
    alone = [each for each in verdicts if each.state == "applied"]
    right = sum((each.document_id, each.transaction_id) in months.truth for each in alone)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    print(f"{len(receipts)} receipts, {len(rows)} rows: {took:.1f} s, peak {peak_mb} MB of the process")
    print(f"  {len(alone)} applied alone, {right / len(alone):.4f} of them right")


if __name__ == "__main__":
    main()
