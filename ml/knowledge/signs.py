"""Directions: which category a name or a model can mean when the money goes the other way."""

# Money in, and its mirror where money goes out.
MIRRORS = (
    ("TRANSFER_IN_ACCOUNT_TRANSFER", "TRANSFER_OUT_ACCOUNT_TRANSFER"),
    ("TRANSFER_IN_SAVINGS", "TRANSFER_OUT_SAVINGS"),
    ("TRANSFER_IN_INVESTMENT_AND_RETIREMENT_FUNDS", "TRANSFER_OUT_INVESTMENT_AND_RETIREMENT_FUNDS"),
    ("TRANSFER_IN_OTHER_TRANSFER_IN", "TRANSFER_OUT_OTHER_TRANSFER_OUT"),
    ("TRANSFER_IN_DEPOSIT", "TRANSFER_OUT_WITHDRAWAL"),
    ("TRANSFER_IN_CASH_ADVANCES_AND_LOANS", "LOAN_PAYMENTS_PERSONAL_LOAN_PAYMENT"),
    ("INCOME_INTEREST_EARNED", "BANK_FEES_INTEREST_CHARGE"),
    ("INCOME_TAX_REFUND", "GOVERNMENT_AND_NON_PROFIT_TAX_PAYMENT"),
)
INWARD = {out: into for into, out in MIRRORS} | {
    "LOAN_PAYMENTS_CAR_PAYMENT": "TRANSFER_IN_CASH_ADVANCES_AND_LOANS",
    "LOAN_PAYMENTS_MORTGAGE_PAYMENT": "TRANSFER_IN_CASH_ADVANCES_AND_LOANS",
    "LOAN_PAYMENTS_STUDENT_LOAN_PAYMENT": "TRANSFER_IN_CASH_ADVANCES_AND_LOANS",
    "LOAN_PAYMENTS_OTHER_PAYMENT": "TRANSFER_IN_CASH_ADVANCES_AND_LOANS",
}
OUTWARD = dict(MIRRORS)
# What is bought in shops, of things and of travel: paid for, not paid out.
SPENDING = frozenset(
    """FOOD_AND_DRINK GENERAL_MERCHANDISE TRANSPORTATION TRAVEL HOME_IMPROVEMENT MEDICAL PERSONAL_CARE ENTERTAINMENT
    GENERAL_SERVICES""".split()  # noqa: SIM905 - one word a name
)
# Money back from where money was spent is not income, but it is rarer than income.
REFUND = 0.25


def directed(detailed: str, money_in: bool | None) -> str | None:
    """The category for this direction: itself, its mirror, or none. What was bought stays so when it is refunded."""
    if money_in is None:
        return detailed
    if money_in:
        return INWARD.get(detailed, detailed)
    return detailed if _goes_out(detailed) else OUTWARD.get(detailed)


def prior(detailed: str, money_in: bool | None) -> float:
    """How readily a guess of this category is believed in this direction, between 0 and 1."""
    if money_in is None:
        return 1.0
    if not money_in:
        return float(_goes_out(detailed))
    if detailed in INWARD:
        return 0.0
    is_spending = _goes_out(detailed) and detailed != "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"
    return REFUND if is_spending else 1.0


def _goes_out(detailed: str) -> bool:
    return not detailed.startswith(("INCOME_", "TRANSFER_IN_"))
