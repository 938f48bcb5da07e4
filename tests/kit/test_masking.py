"""Masking: numbers that belong to somebody's card or account never reach a log; ordinary numbers do."""

import hashlib
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ai2.kit.masking import mask, masked

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Nd", "Nl", "No", "Cs")), max_size=20)


def luhn(payload: str) -> str:
    """The number with its check digit."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in payload[-1::-2]]
    total = sum(doubled) + sum(int(digit) for digit in payload[-2::-2])
    return payload + str(-total % 10)


@st.composite
def cards(draw: st.DrawFn) -> tuple[str, str]:
    """A number with its check digit, and the same as people write it."""
    number = luhn(draw(st.from_regex(r"[1-9][0-9]{11,17}", fullmatch=True)))
    gap = draw(st.sampled_from(["", " ", "-", "\u00a0"]))
    size = draw(st.integers(3, 6))
    return number, gap.join(number[place : place + size] for place in range(0, len(number), size))


@given(cards(), WORDS, WORDS)
@example(("4111111111111111", "4111 1111 1111 1111"), "CARD", "EXP")
@example(("100000000000009", "100000000000009"), "", "a")  # as long as an identifier of ours
def test_a_card_number_is_masked_wherever_it_stands(card: tuple[str, str], before: str, after: str) -> None:
    number, written = card
    assume(not before.endswith(("+", "-")))
    text = mask(before + written + after)
    assert written not in text
    assert number[:-4] not in "".join(letter for letter in text if letter.isdigit())
    assert number[-4:] in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CARD 4111 1111 1111 1111 EXP 05/26", "CARD ****1111 EXP 05/26"),
        ("12 4111-1111-1111-1111 05", "12 ****1111 05"),
        ("paid 378282246310005.", "paid ****0005."),
        ("TO GB82 WEST 1234 5698 7654 32 RENT MARCH", "TO GB****5432 RENT MARCH"),
        ("IBANDE89370400440532013000", "IBANDE****3000"),
        ("nl91abna0417164300", "NL****4300"),
        ("NO93 8601 1117 947 THANKS", "NO****7947 THANKS"),
        ("account 12345678", "account ****5678"),
        ("Kontonummer: 0532013000", "Kontonummer: ****3000"),
        ("A/C NO. 00 123 456", "A/C NO. ****3456"),
        ("sort code 20-00-00 55779911", "sort code ****9911"),
        ("20-00-00 55779911", "****9911"),
        ("ACH 021000021 123456789", "ACH ****6789"),
        ("mail jane.doe+bank@example.co.uk now", "mail ****@example.co.uk now"),
        ("call +44 20 7946 0958", "call ****0958"),
    ],
)
def test_what_belongs_to_somebody_is_masked(text: str, expected: str) -> None:
    assert mask(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-05 12:30:00.123456+00:00",
        "2026-03-05 2026-03-09",
        "from 2026-03-05 to 2026-03-09: 1,234,567.89 GBP",
        "-1 234 567,89 EUR",
        "rows=1000000 ms=12345.6",
        "4111111111111112",  # not a card: its check digit is wrong
        "line 12 of batch.csv, TESCO STORES 3297",
        "account_id is a UUID",
        "GB82 WEST 1234 5698 7654 33",
        "nobody@localhost",
    ],
)
def test_what_is_ordinary_stays(text: str) -> None:
    assert mask(text) == text


@given(st.decimals(-(10**11), 10**11, places=2))
def test_amounts_stay(amount: Decimal) -> None:
    for text in (str(amount), f"{amount:,}", f"{amount} GBP", f"amount={amount}"):
        assert mask(text) == text


@given(
    st.dates(date(1970, 1, 1), date(2099, 12, 31)),
    st.integers(0, 2**31).map(lambda at: datetime.fromtimestamp(at, UTC)),
)
def test_dates_stay(day: date, instant: datetime) -> None:
    for text in (str(day), f"{day} {day}", f"{day} to {day}", str(instant), instant.isoformat() + "Z", f"[{instant}]"):
        assert mask(text) == text


@given(st.uuids(), st.binary())
def test_identifiers_and_digests_stay(identifier: uuid.UUID, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    for text in (
        str(identifier),
        digest,
        f"batch {identifier} of {digest}",
        f"traceparent 00-{digest[:32]}-{digest[:16]}-01",
    ):
        assert mask(text) == text


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert mask(mask(text)) == mask(text)


def test_masks_whatever_holds_the_text() -> None:
    card = "4111111111111111"
    found = masked({card: [(card, 7, None), {"inner": card}]})
    assert found == {"****1111": [["****1111", 7, None], {"inner": "****1111"}]}
