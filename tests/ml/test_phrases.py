"""What banks print in words of their own is read before any name beside it."""

import pytest

from ml.knowledge.labels import primaries
from ml.knowledge.phrases import _phrases, phrase_in

OUT, IN = False, True


@pytest.mark.parametrize(
    ("text", "money_in", "detailed"),
    [
        ("wal-mart assoc. payroll", IN, "INCOME_WAGES"),  # a shop that pays a wage
        ("zunthorpe ltd salary", OUT, None),  # nobody pays out his own salary
        ("non-chase atm fee-with", OUT, "BANK_FEES_ATM_FEES"),
        ("atm withdrawal 001234 03/04", OUT, "TRANSFER_OUT_WITHDRAWAL"),
        ("atm withdrawal 001234 03/04", None, "TRANSFER_OUT_WITHDRAWAL"),  # whatever the file says of the direction
        ("online transfer to sav ...1234", OUT, "TRANSFER_OUT_SAVINGS"),
        ("online transfer to chk ...1234", OUT, "TRANSFER_OUT_ACCOUNT_TRANSFER"),
        ("autopay payment - thank you", IN, "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"),
        ("card payment to tesco stores", OUT, None),  # the rail, not a card that is paid off
        ("zelle payment to landlord rent june", OUT, "RENT_AND_UTILITIES_RENT"),
        ("hertz rent-a-car", OUT, None),
        ("card payment to the coffee pot", OUT, None),
        ("mobile payment to emma clarke", OUT, "TRANSFER_OUT_ACCOUNT_TRANSFER"),
        ("mr j smith bgc", IN, "TRANSFER_IN_ACCOUNT_TRANSFER"),
        ("payment to emma clarke dental practice", OUT, None),  # a business that bears a name
        ("payment to zunthorpe quimby", OUT, None),
        ("interest charged", OUT, "BANK_FEES_INTEREST_CHARGE"),
        ("interest paid", IN, "INCOME_INTEREST_EARNED"),
        ("cheque 000412", OUT, "TRANSFER_OUT_OTHER_TRANSFER_OUT"),
        ("tesco stores 3217", OUT, None),
    ],
)
def test_reads_the_bank_s_own_words(text: str, money_in: bool | None, detailed: str | None) -> None:
    found = phrase_in(text, money_in)
    assert (found.detailed if found else None) == detailed


def test_every_phrase_speaks_of_a_label_and_never_of_money_the_wrong_way() -> None:
    for money_in in (True, False, None):
        for detailed, confidence, _ in _phrases(money_in):
            assert detailed in primaries()
            assert 0.5 < confidence < 1
            assert money_in is not False or not detailed.startswith(("INCOME", "TRANSFER_IN"))
