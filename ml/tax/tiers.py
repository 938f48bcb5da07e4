"""Tiers: what a quantity comes to where the rate depends on how much of it there is."""

from decimal import Decimal

from ml.tax.rows import Row, Tier

NOTHING = Decimal(0)


def total(row: Row, quantity: Decimal) -> Decimal:
    """What a whole quantity comes to, unrounded: by its tiers, or by the one rate; beyond a cap nothing counts."""
    counted = quantity if row.cap_distance is None else min(quantity, row.cap_distance)
    if not row.tiers:
        return counted * (row.value or NOTHING)
    if row.tiers[0].mode == "marginal":
        return _marginal(row.tiers, counted)
    tier = next(tier for tier in row.tiers if tier.up_to is None or counted <= tier.up_to)
    if tier.mode == "flat":
        return tier.value
    return counted * tier.value + (tier.plus or NOTHING)


def between(row: Row, before: Decimal, after: Decimal) -> Decimal:
    """What a stretch comes to that begins where the counter stands at `before`."""
    return total(row, after) - total(row, before)


def _marginal(tiers: tuple[Tier, ...], quantity: Decimal) -> Decimal:
    sum_, begin = NOTHING, NOTHING
    for tier in tiers:
        end = quantity if tier.up_to is None else min(quantity, tier.up_to)
        if end > begin:
            sum_ += (end - begin) * tier.value
            begin = end
    return sum_
