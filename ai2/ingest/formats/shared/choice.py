"""Choice: which of a file's accounts is the one that it is imported into, told by the account's number."""

import re
from collections.abc import Iterable

from ai2.ingest.problems import OtherAccount, SeveralAccounts

# Banks mask numbers down to the last four digits; fewer would match by chance.
SHORTEST = 4


def chosen(numbers: Iterable[str], own: str | None, *, are_names: bool = False) -> str:
    """The file's account that is ours: by its number, or because it is the only one.

    Of accounts that the file only names (`are_names`), a single one is ours whatever its name.
    Raises SeveralAccounts where several could be meant, and OtherAccount where none is.
    """
    distinct = list(dict.fromkeys(numbers))
    exact = [number for number in distinct if plain(number) and plain(number) == plain(own)]
    alike = exact or [number for number in distinct if same_number(number, own)]
    if len(alike) == 1:
        return alike[0]
    if len(distinct) > 1:
        raise SeveralAccounts
    [only] = distinct
    if plain(own) and plain(only) and not are_names:
        raise OtherAccount
    return only


def same_number(one: str, other: str | None) -> bool:
    """Banks shorten and mask: the shorter number has to end the longer."""
    short, long = sorted((plain(one), plain(other)), key=len)
    return len(short) >= SHORTEST and long.endswith(short)


def plain(number: str | None) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", number or "").upper()
