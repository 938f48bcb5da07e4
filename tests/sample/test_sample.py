"""The sample business: the same for the same seed, and books that a bank could have kept."""

import csv
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from ai2.sample import write
from ai2.sample.business import Business
from ai2.sample.ledger import BankAccount, date


@pytest.fixture(scope="module")
def business() -> Business:
    made = Business(7)
    made.live(date(2024, 11, 1), months=24)
    return made


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert [file.path.read_bytes() for file in first] == [file.path.read_bytes() for file in second]


def test_another_seed_gives_another_life(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b", seed=8)
    assert all(a.path.read_bytes() != b.path.read_bytes() for a, b in zip(first, second, strict=True))


def test_has_two_years_in_three_accounts_and_two_currencies(tmp_path: Path, business: Business) -> None:
    files = write(tmp_path)
    assert len(files) == 3
    assert {file.currency for file in files} == {"GBP", "EUR"}
    months = {f"{entry.booked_on:%Y-%m}" for entry in business.current.entries}
    assert len(months) == 24


def test_bank_balances_never_go_below_zero() -> None:
    business = Business(20241101)
    business.live(date(2024, 11, 1), months=24)
    for account in (business.current, business.euro):
        assert min(balance for _, balance in account.sorted_with_balances()) > 0


def test_what_leaves_for_another_account_arrives_there(business: Business) -> None:
    def total(account: BankAccount, word: str) -> int:
        return sum(entry.amount_minor for entry in account.entries if word in entry.description)

    assert total(business.current, "CREDIT CARD 4417") == -total(business.card, "PAYMENT RECEIVED") != 0
    sent = [entry.booked_on for entry in business.current.entries if "TO EURO ACCOUNT" in entry.description]
    arrived = [entry.booked_on for entry in business.euro.entries if "Übertrag" in entry.description]
    assert sent == arrived


def test_has_what_a_business_has(business: Business) -> None:
    texts = " ".join(entry.description for entry in business.current.entries + business.card.entries)
    for word in ("SALARY", "RENT", "HMRC VAT", "SERVICE CHARGES", "INV-", "SHELL", "TESCO"):
        assert word in texts
    refunds = [entry for entry in business.card.entries if entry.kind == "CREDIT"]
    assert refunds
    assert all(entry.amount_minor > 0 for entry in refunds)


def test_each_balance_follows_from_the_one_before(tmp_path: Path) -> None:
    rows = list(csv.DictReader(write(tmp_path)[0].path.open(newline="")))
    for before, row in pairwise(rows):
        change = Decimal(row["Credit Amount"] or 0) - Decimal(row["Debit Amount"] or 0)
        assert Decimal(before["Balance"]) + change == Decimal(row["Balance"])
