"""Amounts: how far a row lies above what its merchant, or where that has little history its contexts, ever came to."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.anomalies import forest
from ml.anomalies.known import Floats, Known, looked_up

# So many rows of its own say what is normal for a merchant; with fewer its contexts have to say so too.
ENOUGH = 20
# A merchant is steady that never came to five times its median.
STEADY = float(np.log(5))
# Or one whose amounts hardly differ, which shows in fewer rows: subscriptions, rents.
CONSTANT, ENOUGH_OF_CONSTANT = 0.1, 6
DEVIATIONS = 3.5
# What the square root of the number of a merchant's rows takes from the doubt about them.
DOUBT = 2.9
FOREST = 2.5


def above_median(known: Known, rows: pd.DataFrame) -> Floats:
    """By which factor (as a logarithm, less the doubt about few rows) a row passes the median of a steady merchant."""
    median, highest, doubt = _of_merchants(known, rows)
    return np.where(highest - median < STEADY, rows["log"].to_numpy() - median - doubt, -np.inf)


def above_constant(known: Known, rows: pd.DataFrame) -> Floats:
    """By which factor a row passes the median of a merchant whose amounts hardly differ, by their robust deviation."""
    median, highest, _ = _of_merchants(known, rows)
    merchant, of = rows["merchant"], known.merchants
    hardly = looked_up(merchant, of["deviation"], np.inf) < CONSTANT
    enough = looked_up(merchant, of["rows"], 0) >= ENOUGH_OF_CONSTANT
    is_constant = hardly & enough & (highest - median < np.log(2))
    return np.where(is_constant, rows["log"].to_numpy() - median, -np.inf)


def above_highest(known: Known, rows: pd.DataFrame) -> Floats:
    """By which factor a row passes the most that its merchant ever came to, less the doubt about few rows."""
    median, highest, doubt = _of_merchants(known, rows)
    usual = median + DEVIATIONS * looked_up(rows["merchant"], known.merchants["deviation"], 0)
    return np.asarray(rows["log"].to_numpy() - np.fmax(highest, usual) - doubt, dtype=np.float64)


def _of_merchants(known: Known, rows: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    merchant, of = rows["merchant"], known.merchants
    median = looked_up(merchant, of["median"], np.nan)
    highest = looked_up(merchant, of["highest"], np.nan)
    return median, highest, DOUBT / np.sqrt(np.fmax(looked_up(merchant, of["rows"], 0), 1))


def above_contexts(known: Known, rows: pd.DataFrame, contexts: Sequence[str]) -> Floats:
    """By which factor a row passes what one in a hundred passes in its contexts, in their mean; oddness adds to it."""
    margins = _margins(known, rows, contexts)
    grown = forest.grow(_margins(known, forest.sampled(known.trusted), contexts))
    odd = forest.oddness(grown, margins) if len(rows) else np.zeros(0)
    return np.asarray(margins.mean(axis=1) + FOREST * (odd - 0.5), dtype=np.float64)


def _margins(known: Known, rows: pd.DataFrame, contexts: Sequence[str]) -> forest.Matrix:
    high, log = known.overall.high, rows["log"].to_numpy()
    columns = [log - looked_up(rows[name], known.contexts[name]["high"], high) for name in contexts]
    return np.column_stack(columns or [log - high])
