"""Countries: the two-letter codes of ISO 3166-1, as the time zone database lists them."""

from functools import cache
from importlib.resources import files


def is_country(code: str) -> bool:
    """Whether this is the code of a country: GB is one, UK is not."""
    return code in _codes()


@cache
def _codes() -> frozenset[str]:
    listed = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line.split("\t", 1)[0] for line in listed.splitlines() if line and not line.startswith("#"))
