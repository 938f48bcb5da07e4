"""The sample: two years of a small business as its banks would export them. The same seed gives the same bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

from ai2.sample import layouts
from ai2.sample.business import Business
from ai2.sample.ledger import BankAccount

SEED = 20241101
ORGANIZATION = "Harbour Lane Coffee Ltd"
BASE_CURRENCY, COUNTRY = "GBP", "GB"


@dataclass(frozen=True)
class SampleFile:
    """One account's export, and what a person would have typed in for the account."""

    path: Path
    account: str
    kind: Literal["bank", "card"]
    currency: str
    number: str
    opening_balance: Decimal


def write(folder: Path, seed: int = SEED) -> list[SampleFile]:
    """Write the three exports into a folder and say which is which."""
    business = Business(seed)
    business.live(date(2024, 11, 1), months=24)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _write(folder / "business-current.csv", "Business Current", "bank", "GBP", business.current, layouts.uk_csv),
        _write(folder / "business-card.ofx", "Business Card", "card", "GBP", business.card, layouts.ofx_card),
        _write(folder / "euro-account.csv", "Euro Account", "bank", "EUR", business.euro, layouts.german_csv),
    ]


def _write(
    path: Path,
    account: str,
    kind: Literal["bank", "card"],
    currency: str,
    kept: BankAccount,
    layout: Callable[[BankAccount], bytes],
) -> SampleFile:
    path.write_bytes(layout(kept))
    return SampleFile(path, account, kind, currency, kept.number, Decimal(kept.opening_minor).scaleb(-2))
