"""What the merchant of a descriptor is, and which two descriptors are one merchant's."""

import pytest

from ai2.kit.merchants import KEY_LENGTH, merchant_key, merchant_text


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("SQ *BLUE BOTTLE COFFEE 0123 OAKLAND CA", "blue bottle coffee"),
        (
            "SQ *BLUE BOTTLE COFFEE    NOWHEREVILLE  CA",
            "blue bottle coffee",
        ),  # columns: the town need not be known
        ("TST* SHAKE SHACK 1234 NEW YORK NY", "shake shack"),
        ("PAYPAL *STEAM GAMES 4029357733 WA", "steam games"),
        ("PAYPAL INST XFER NETFLIX", "netflix"),
        ("PAYPAL TRANSFER", "paypal transfer"),  # PayPal itself, not a shop behind it
        ("UBER   *TRIP HELP.UBER.COM CA", "uber trip"),  # a gap that is no column
        ("CHECKCARD 0304 STARBUCKS #1234 SEATTLE WA 24692160123456789", "starbucks"),
        ("PURCHASE AUTHORIZED ON 03/04 TARGET T-1234 BROOKLYN NY S463012345678901 CARD 1234", "target"),
        ("ACME CORP DES:PAYROLL ID:12345 INDN:JOHN DOE CO ID:9111111111 PPD", "acme corp payroll"),
        ("ACME CORP PAYROLL PPD ID: 1234567890", "acme corp payroll"),
        ("CARD PAYMENT TO TESCO STORES 6123 LONDON GB ON 03 APR", "tesco stores"),
        ("1234 12JAN24 CD TESCO STORES 2345 LONDON GB", "tesco stores"),
        ("DIRECT DEBIT PAYMENT TO BRITISH GAS REF 850012345, MANDATE NO 0012", "british gas"),
        ("COSTCO WHSE #0123 SAN FRANCISCOCA", "costco whse"),  # columns run together
        ("THE HOME DEPOT #1234 DENVER CO", "the home depot"),  # Colorado, not a company
        ("JONES TRADING CO", "jones trading co"),  # a company, not Colorado
        ("BANK OF BOSTON", "bank of boston"),
        ("7-ELEVEN 33345 DALLAS TX", "7 eleven"),
        ("MOTEL 6 #123 RENO NV", "motel 6"),
        ("1-800-FLOWERS.COM,INC. 800-468-1141", "1800flowers"),
        ("www.dvla.gov.uk", "dvla gov"),
        ("APPLE.COM/BILL 866-712-7753 CA", "apple bill"),  # what is billed there is not a computer
        ("Café Nero ", "cafe nero"),
        ("MCDONALD'S F123", "mcdonalds"),
        ("MCDONALD S F123", "mcdonalds"),  # apostrophes get lost on the way
        ("TESCO6123 LONDON", "tesco"),
        ("ムラサキスポーツ", "ムラサキスポーツ"),  # marks that spell stay
        ("12345678", "12345678"),  # nothing but noise is kept as it came
        ("", ""),
    ],
)
def test_the_merchant_of_a_descriptor(description: str, expected: str) -> None:
    assert merchant_text(description) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TESCO STORES 2503", "Tesco Store 2933"),
        ("MARKS&SPENCER PLC", "Marks and Spencer"),
        ("SAINSBURY'S S/MKTS LONDON", "SAINSBURYS S/MKTS"),
        ("PREMIER INN BIRMINGHAM", "PREMIER INN 4410 LEEDS GB"),
        ("The Coffee House Ltd", "SQ *COFFEE HOUSE"),
    ],
)
def test_branches_and_spellings_are_one_merchant(one: str, other: str) -> None:
    assert merchant_key(one) == merchant_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TESCO STORES 2503", "TESCO PFS 4231"),  # groceries and fuel
        ("UBER *TRIP", "UBER *EATS"),
        ("CHECK 1001", "CHECK 1002"),  # two cheques have two payees
        ("STANDING ORDER TO J SMITH", "STANDING ORDER TO A JONES"),
    ],
)
def test_different_businesses_are_different_merchants(one: str, other: str) -> None:
    assert merchant_key(one) != merchant_key(other)


def test_the_file_s_own_merchant_name_counts_first() -> None:
    assert merchant_key("CARD 1234 REF 99 XYZ", "Tesco") == merchant_key("TESCO STORES 2503")
    assert merchant_key("TESCO STORES 2503", " ") == "tesco"


def test_a_key_is_its_own_key_and_fits_its_column() -> None:
    keys = [merchant_key(text) for text in ("SQ *BLUE BOTTLE COFFEE 0123 OAKLAND CA", "Marks and Spencer")]
    assert [merchant_key(key) for key in keys] == keys
    assert len(merchant_key("word " * 400)) <= KEY_LENGTH
