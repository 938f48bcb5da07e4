"""The sample: two years of a small business as its banks would export them. The same seed gives the same bytes."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ai2.sample import layouts
from ai2.sample.business import Business

SEED = 20241101
ORGANIZATION = "Harbour Lane Coffee Ltd"
BASE_CURRENCY, COUNTRY = "GBP", "GB"


@dataclass(frozen=True)
class SampleFile:
    """One account's export."""

    path: Path
    account: str
    currency: str


def write(folder: Path, seed: int = SEED) -> list[SampleFile]:
    """Write the three exports into a folder and say which is which."""
    business = Business(seed)
    business.live(date(2024, 11, 1), months=24)
    contents = (
        (SampleFile(folder / "business-current.csv", "Business Current", "GBP"), layouts.uk_csv(business.current)),
        (SampleFile(folder / "business-card.ofx", "Business Card", "GBP"), layouts.ofx_card(business.card)),
        (SampleFile(folder / "euro-account.csv", "Euro Account", "EUR"), layouts.german_csv(business.euro)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in contents:
        file.path.write_bytes(content)
    return [file for file, _ in contents]
