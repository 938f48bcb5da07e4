"""Other people's MT940 and camt files: each reads to what lies beside it, or is refused with the right reason."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ai2.ingest.lines import Account, Statement
from ai2.ingest.read import statements
from ai2.kit.errors import Problem
from ai2.kit.money import exponent

Entry = tuple[date, date | None, Decimal]


@dataclass(frozen=True)
class Case:
    """A file, the account's currency, the numbers if there are several; lines and rejected rows, or a refusal."""

    name: str
    currency: str = "EUR"
    loaded: int = 0
    rejected: int = 0
    refusal: str | None = None
    numbers: tuple[str, ...] = ()
    # statements whose lines do not lead from their opening balance to their closing one
    unproven: int = 0
    # where we read otherwise than what lies beside the file, and why
    disagrees: str | None = None


# The library gives a reversed credit (RC) the sign of a credit. The closing balances of the same file prove ours.
REVERSALS = "a reversed credit is money out"
MT940 = [
    Case("betterplace/amount_formats.sta"),  # nothing but balances, as are others here
    Case("betterplace/currency_in_25.sta", refusal="no_statement"),  # nothing but the account's number
    Case("betterplace/empty_86.sta", refusal="no_statement"),
    Case("betterplace/empty_entry_date.sta", "EUR", 1),
    Case("betterplace/empty_line.sta", refusal="no_statement"),
    Case("betterplace/missing_crlf_at_end.sta"),
    Case("betterplace/sepa_mt9401.sta", refusal="several_accounts"),
    Case(
        "betterplace/sepa_mt9401.sta", "EUR", 97, disagrees=REVERSALS,
        numbers=(
            "0194774600888", "0194777100888", "0194778300888", "0194779500888", "0194780100888", "0194780101888",
            "0194781300888", "0194782500888", "0194783700888", "0194784900888", "0194784901888", "0194785000888",
            "0194785001888", "0194786200888", "0194787400888", "0194791600888", "0194791601888", "0194798900888",
            "0194799000888", "0194804000888",
        ),
    ),
    Case("betterplace/sepa_snippet.sta", refusal="several_accounts"),
    # An entry of the second statement is cut out.
    Case("betterplace/sepa_snippet.sta", "EUR", 11, numbers=("0194787400888", "0194791600888"), unproven=1),
    # An entry is cut out, and what would be its :86: is marked :25:.
    Case("betterplace/sepa_snippet_broken.sta", "EUR", 1, unproven=1),
    Case("betterplace/with_binary_character.sta", "EUR", 4, numbers=("0000007055", "0000007304")),
    Case("cmxl/account_balance_credit.sta"),
    Case("cmxl/account_balance_debit.sta"),
    Case("cmxl/account_identification_iban.sta", refusal="no_statement"),
    Case("cmxl/account_identification_legacy.sta", refusal="no_statement"),
    Case("cmxl/available_balance.sta"),
    Case("cmxl/closing_balance.sta"),
    Case("cmxl/mt940.sta", refusal="several_accounts"),
    Case("cmxl/mt940.sta", refusal="other_currency", numbers=("76198810",)),  # German marks
    Case("cmxl/mt940.sta", "EUR", 2, 14, numbers=("1234567",)),
    Case("cmxl/reference.sta", refusal="no_statement"),
    Case("cmxl/statement_details.sta", "EUR", 1),
    Case("cmxl/statement_line.sta", "EUR", 1),
    Case("cmxl/statement_number.sta", refusal="no_statement"),
    # Made by hand: the amounts of several do not come to their balances.
    Case("jejik/abnamro.sta", "EUR", 10, unproven=2),
    Case("jejik/abnamro.sta", "USD", refusal="other_currency"),
    Case("jejik/generic.sta", "EUR", 2),
    Case("jejik/ing.sta", "EUR", 7, unproven=1),
    Case("jejik/knab.sta", "EUR", 3, unproven=1),
    Case("jejik/postfinance.sta", "CHF", 4, unproven=1),
    Case("jejik/rabobank-iban.sta", "EUR", 4),
    Case("jejik/rabobank.sta", refusal="several_accounts"),
    Case("jejik/rabobank.sta", "EUR", 5, numbers=("129199348", "152689184"), unproven=2),
    Case("jejik/sns.sta", "EUR", 2),
    Case("jejik/triodos.sta", "EUR", 2, unproven=1),
]  # fmt: skip
NO_DATES = "an entry without any date is no line"
CAMT = [
    Case("camt052.v1.xml", "SEK", 1),
    Case("camt052.v1.xml", "EUR", refusal="other_currency"),
    Case("camt052.v2.xml", "SEK", 1),
    Case("camt052.v2.other-account.xml", "SEK", 1),
    Case("camt052.v2.with-account-name.xml", "SEK", 0, 1, disagrees=NO_DATES),
    Case("camt052.v4.xml", "SEK", 1),
    Case("camt053.v2.all-balance-types.xml", "EUR", 1, unproven=1),
    Case("camt053.v2.five.decimals.xml", "EUR", 1, unproven=1),
    Case("camt053.v2.minimal.xml", "EUR", 1),
    Case("camt053.v2.minimal.ultimate.xml", "EUR", 1),
    # The other reader tells of the last statement's entries only.
    Case("camt053.v2.multi.statement.xml", "EUR", 2, disagrees="two statements have two entries"),
    Case("camt053.v2.with-account-name.xml", "EUR", 1),
    Case("camt053.v2.with-party-ids.xml", "EUR", 1),
    Case("camt053.v2.wrong.xml", "EUR", refusal="no_statement"),
    Case("camt053.v3.xml", "EUR", 1),
    Case("camt053.v4.xml", "EUR", 1),
    Case("camt054.v2.xml", "SEK", 1),
    Case("camt054.v2.with-account-name.xml", "SEK", 0, 1, disagrees=NO_DATES),
    Case("camt054.v4.xml", "SEK", 1),
]


def name_of(case: Case) -> str:
    return f"{case.name}-{case.refusal or case.currency}"


class TestMt940:
    @pytest.mark.parametrize("case", MT940, ids=name_of)
    def test_reads_or_says_why_not(self, data: Path, case: Case) -> None:
        hold(data / "statements" / "mt940" / case.name, case)

    @pytest.mark.parametrize("case", [case for case in MT940 if not case.refusal], ids=name_of)
    def test_agrees_with_what_lies_beside_it(self, data: Path, case: Case) -> None:
        path = data / "statements" / "mt940" / case.name
        found = [line for one in each(path, case) for line in one.lines.to_pylist()]
        ours = [(line["value_on"], line["booked_on"], line["amount"]) for line in in_order(found)]
        if case.rejected:
            return  # the other accounts' entries stand there too
        theirs = transactions_of(path.with_suffix(".yml").read_text())
        differences = [
            (value_on, amount)
            for (value_on, booked_on, amount), (on, entered_on, said) in zip(ours, theirs, strict=True)
            if (value_on, booked_on, amount) != (on, entered_on or on, said)
        ]
        assert bool(differences) == bool(case.disagrees)
        if case.disagrees == REVERSALS:
            assert all(
                any((on, -amount) == (value_on, said) for value_on, _, said in theirs) for on, amount in differences
            )

    def test_every_file_is_covered(self, data: Path) -> None:
        folder = data / "statements" / "mt940"
        assert {str(path.relative_to(folder)) for path in folder.rglob("*.sta")} == {case.name for case in MT940}


class TestCamt:
    @pytest.mark.parametrize("case", CAMT, ids=name_of)
    def test_reads_or_says_why_not(self, data: Path, case: Case) -> None:
        hold(data / "statements" / "camt" / case.name, case)

    @pytest.mark.parametrize("case", [case for case in CAMT if not case.refusal], ids=name_of)
    def test_agrees_with_what_lies_beside_it(self, data: Path, case: Case) -> None:
        path = data / "statements" / "camt" / case.name
        [found] = each(path, case)
        message = json.loads(path.with_suffix(".json").read_text(), parse_float=Decimal)
        ours = [(line["booked_on"], line["value_on"], line["amount"]) for line in found.lines.to_pylist()]
        theirs = [entry_of(entry) for entry in message["getEntries"]]
        assert (ours == theirs) is not bool(case.disagrees)
        states = [entry["getStatus"] for entry in message["getEntries"]]
        if not case.disagrees:
            assert found.lines["status"].to_pylist() == [{"PDNG": "pending"}.get(each, "posted") for each in states]

    def test_every_file_is_covered(self, data: Path) -> None:
        folder = data / "statements" / "camt"
        assert {path.name for path in folder.glob("*.xml")} == {case.name for case in CAMT}


def hold(path: Path, case: Case) -> None:
    if case.refusal:
        with pytest.raises(Problem) as refusal:
            each(path, case)
        assert refusal.value.code == case.refusal
        return
    found = each(path, case)
    own = [[row for row in one.rejected if row.reason != "other_account"] for one in found]
    loaded = sum(len(one.lines) for one in found)
    if len(case.numbers) > 1:  # what is one account's is the others' rejected row
        assert all(one.rows_in == loaded for one in found)
        assert (loaded, sum(map(len, own))) == (case.loaded, case.rejected)
    else:
        assert (loaded, len(found[0].rejected)) == (case.loaded, case.rejected)
    assert sum(one.outside["unproven"] for one in found) == case.unproven


def each(path: Path, case: Case) -> list[Statement]:
    """The file as each of its accounts has it."""
    found = []
    for number in case.numbers or (None,):
        with path.open("rb") as opened:
            found += statements(opened, path.name, Account(case.currency, number=number))
    return found


def in_order(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: line["line_number"])


def transactions_of(text: str) -> list[Entry]:
    """Value date, entry date and amount from the library's dump: as text, for it names Python objects to be made."""
    day = r":(?: &\w+)? !!python/object/apply:mt940\.models\.Date\n\s+- !!binary \|\n\s+(\S+)"
    found = []
    for block in text.split("\ntransactions:")[1].split("- !!python/object:mt940.models.Transaction\n")[1:]:
        amount = re.search(r"Decimal \['([^']+)'\]", block)
        value_on, entered_on = (re.search(rf"\n    {name}{day}", block) for name in ("date", "entry_date"))
        assert amount
        assert value_on
        found.append((as_day(value_on[1]), as_day(entered_on[1]) if entered_on else None, Decimal(amount[1])))
    return found


def as_day(text: str) -> date:
    """Python keeps a date as four bytes: two of the year, month and day."""
    year, rest, month, day = base64.b64decode(text)
    return date(year * 256 + rest, month, day)


def entry_of(entry: dict[str, Any]) -> tuple[date | None, date | None, Decimal]:
    money = entry["getAmount"]
    places = exponent(money["getCurrency"]["getCode"])
    booked_on, value_on = (entry[name] and date.fromisoformat(entry[name]["0"][:10]) for name in DATES)
    return booked_on, value_on, Decimal(money["getAmount"]).scaleb(-places)


DATES = ("getBookingDate", "getValueDate")
