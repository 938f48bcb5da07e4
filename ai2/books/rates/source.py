"""The source of reference rates: a file or address that the settings name, fetched within limits."""

import asyncio
import io
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import fsspec

from ai2.books.rates import ecb as exchange_rates
from ai2.books.rates.ecb import MOST_BYTES, NoRates
from ai2.kit.database import Database
from ai2.kit.errors import Unavailable
from ai2.kit.settings import settings

# Ten seconds without a byte, or a minute in all, and the source counts as down.
SILENCE_S, LONGEST_S = 10, 60
PIECE = 1 << 16


class RatesUnreachable(Unavailable):
    """The exchange rates could not be fetched; those that are there stay."""


async def refresh(pipeline: Database) -> int:
    """Fetch the rates of `ECB_RATES_URL` and keep what is new or corrected; says how many. Again, it changes nothing.

    `pipeline` is the pipeline role's database. Raises RatesUnreachable and NoRates.
    """
    raw = await asyncio.to_thread(fetch, settings().ecb_rates_url)
    with exchange_rates.opened(io.BytesIO(raw)) as text:
        quotes = await asyncio.to_thread(lambda: list(exchange_rates.read(text)))
    async with pipeline.transaction() as db:
        return await exchange_rates.put(db, quotes)


def fetch(url: str) -> bytes:
    """The bytes of a file or address. Raises RatesUnreachable with what to do."""
    try:
        return _over_http(url) if urlsplit(url).scheme in ("http", "https") else _of_file(url)
    except (OSError, ValueError, ImportError, urllib.error.URLError) as error:
        raise RatesUnreachable(
            f"ECB_RATES_URL could not be read ({type(error).__name__}). Check it and the network, or fetch "
            "eurofxref-hist.zip of the European Central Bank by other means and run `ai2 rates import` on it."
        ) from error


def _over_http(url: str) -> bytes:
    ends_at = time.monotonic() + LONGEST_S
    found = bytearray()
    with urllib.request.urlopen(url, timeout=SILENCE_S) as answer:  # noqa: S310 - http and https alone come here
        while piece := answer.read(PIECE):
            found += piece
            _check(len(found))
            if time.monotonic() > ends_at:
                raise TimeoutError
    return bytes(found)


def _of_file(url: str) -> bytes:
    with fsspec.open(url, "rb") as opened:
        found: bytes = opened.read(MOST_BYTES + 1)
    _check(len(found))
    return found


def _check(size_bytes: int) -> None:
    if size_bytes > MOST_BYTES:
        raise NoRates("This is larger than all reference rates there are.")
