"""What banks print in words of their own: fees, interest, cash, transfers, wages, payments between people.

These words say what a line is whatever name stands beside them: a shop's payroll is a wage, a bank's fee is a fee.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache

from ml.knowledge.merchants import DATA

# Every phrase has one of these words; most lines have none, and are let through after one look.
_WORDS = re.compile(r"[a-z]+")
_HINTS = frozenset(
    """thank credit creditcard card crd epay epayment pmt pymt paymt pmts ach achpmt fee fees charge charges charged
    surcharge nsf interest int payroll salary wages paycheck paychex dep deposit div dividend dividends tax taxrfd
    casttaxrfd usataxpymt refund reversal rebate waiver unemployment unemp jobseekers universal ui dwp pension pensions
    annuity soc xxsoc social retirement child housing payout payouts disbursement edi dasher reward rewards cash
    cashback cashpoint payment payments transfer earnings rent mortgage mtg mtge loan loans homeloan student council
    hmrc childcare daycare nursery preschool school atm withdrawal withdraw withdrwl wdl wdrl w counter paid check
    cheque chq chk ck sav savings saver isa way pot change round roundup xfer xfr tfr trf trnsfr wire fedwire zelle
    venmo cashapp app popmoney quickpay pingit paym notemachine cardtronics allpoint link autopay crcardpmt finance
    fpo fpi sto bgc fps so bp sent received standing order total annual ref care day od overdraft home""".split()  # noqa: SIM905
)
_BY_PERSON = re.compile(
    r"^(?:(?:online|mobile|internet|bill|bank|zelle|venmo|instant|international|p2p|e-?|faster|recurring|standing) ?)*"
    r"(?:payments?|pymt|pmt|transfer|order|fpo|fpi|sto|s/o|bgc|tfr|credit|fps|received|sent|paid|money)\b"
    r"(?: (?:via faster payments?|sent|received|to|from|for))*[ :]+"
    r"(?P<who>(?:(?:mr|mrs|ms|miss|dr|mx)\.? )?[a-z'’-]+(?: [a-z'’-]+){0,2})(?: (?:ref|on|\d).*)?$"
)
_PERSON_LAST = re.compile(
    r"^(?P<who>(?:mr|mrs|ms|miss|dr|mx)\.? [a-z]+(?: [a-z'’-]+){0,2}) (?:bgc|fpi|fpo|sto|so|bp|tfr)$"
)
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx"})
_BUSINESS = frozenset(
    """ltd limited plc llc inc llp co company services service shop store stores group club restaurant cafe bar hotel
    clinic dental practice surgery school nursery salon motors garage electric plumbing solicitors council bank
    insurance energy water""".split()  # noqa: SIM905 - one word a name
)
PERSON = 0.93


@dataclass(frozen=True)
class Phrase:
    """What a bank's own words say. `detailed` is for the direction that was asked."""

    detailed: str
    confidence: float
    words: str


def phrase_in(plain: str, money_in: bool | None) -> Phrase | None:
    """What the bank's words in a folded text say, the first in the table's order; else none."""
    if _HINTS.isdisjoint(_WORDS.findall(plain)):
        return None
    for detailed, confidence, pattern in _phrases(money_in):
        found = pattern.search(plain)
        if found:
            return Phrase(detailed, confidence, found[0].strip())
    return _between_people(plain, money_in)


def _between_people(plain: str, money_in: bool | None) -> Phrase | None:
    """A payment whose other side is somebody with a given name or a title."""
    if money_in is None:
        return None
    found = _BY_PERSON.match(plain) or _PERSON_LAST.match(plain)
    if not found:
        return None
    words = found["who"].replace(".", "").split()
    is_person = words[0] in _TITLES or (len(words) > 1 and words[0] in _given_names())
    if not is_person or _BUSINESS.intersection(words):
        return None
    return Phrase(f"TRANSFER_{'IN' if money_in else 'OUT'}_ACCOUNT_TRANSFER", PERSON, found["who"])


@cache
def _phrases(money_in: bool | None) -> tuple[tuple[str, float, re.Pattern[str]], ...]:
    """Those that hold in a direction; of those for one direction only, none where it is not known."""
    wanted = {"any"} if money_in is None else {"any", "in" if money_in else "out"}
    with (DATA / "phrases.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["money"] in wanted or _is_only_one_way(row, money_in)]
    return tuple((row["detailed"], float(row["confidence"]), re.compile(row["pattern"])) for row in rows)


def _is_only_one_way(row: dict[str, str], money_in: bool | None) -> bool:
    """A fee is one, and a cash withdrawal, though the file does not say which way the money went."""
    return money_in is None and row["detailed"].startswith(("BANK_FEES", "LOAN_PAYMENTS", "TRANSFER_OUT_WITHDRAWAL"))


@cache
def _given_names() -> frozenset[str]:
    return frozenset((DATA / "given_names.txt").read_text(encoding="utf-8").split())
