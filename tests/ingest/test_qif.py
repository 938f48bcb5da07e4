"""QIF: dates and amounts decided over the whole file, every record a line or the reason why not."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai2.ingest import problems
from ai2.ingest.lines import StatedBalance
from ai2.kit.errors import Problem
from tests.ingest.reading import amounts, asked, lines, read, reasons

BANK = "!Type:Bank\n"
TEA = "D1/15'25\nT-1,234.56\nCX\nN1001\nPTea House\nMGreen tea\nLFood:Tea\n^\n"
TWO_ACCOUNTS = (
    "!Option:AutoSwitch\n!Account\nNChecking\nTBank\n^\nNVisa 4111\nTCCard\n^\n!Clear:AutoSwitch\n"
    "!Account\nNChecking\nTBank\n^\n!Type:Bank\nD1/15'25\nT-5.00\nPTea\n^\n"
    "!Account\nNVisa 4111\nTCCard\n^\n!Type:CCard\nD1/16'25\nT-7.00\nPBus\n^\n"
)


class TestRecords:
    def test_every_field_has_its_place(self) -> None:
        found = read(BANK + TEA)
        assert lines(found) == [("2025-01-15", "-1234.56", "Tea House  Green tea")]
        [line] = found.lines.to_pylist()
        assert (line["merchant"], line["reference"]) == ("Tea House", "1001")
        assert json.loads(line["attributes"]) == {"category": "Food:Tea", "cleared": "reconciled"}

    def test_lines_are_numbered_by_where_a_record_begins(self) -> None:
        found = read(BANK + TEA + "\n" + TEA)
        assert found.lines["line_number"].to_pylist() == [2, 11]
        assert found.last_line == 18

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_lines_may_end_in_any_way(self, end: str) -> None:
        assert len(read((BANK + TEA).replace("\n", end)).lines) == 1

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_reads_any_encoding(self, encoding: str) -> None:
        found = read((BANK + "D15/01/2025\nT-5,00\nPCafé Müller\n^\n").encode(encoding), currency="EUR")
        assert lines(found) == [("2025-01-15", "-5", "Café Müller")]

    @pytest.mark.parametrize("kind", ["Bank", "bank", "Cash", "Oth A", "Oth L", "CCard", " Bank "])
    def test_reads_every_kind_of_account(self, kind: str) -> None:
        assert len(read(f"!Type:{kind}\n{TEA}").lines) == 1

    def test_a_last_record_may_lack_its_end(self) -> None:
        assert len(read((BANK + TEA).removesuffix("^\n")).lines) == 1
        assert len(read((BANK + TEA).removesuffix("\n^\n")).lines) == 1

    def test_a_file_that_ends_in_an_amount_may_have_lost_digits(self) -> None:
        assert reasons(read(BANK + TEA + "D1/16'25\nPBus\nT-1")) == [(10, "cut_off")]

    def test_u_repeats_t(self) -> None:
        assert amounts(read(BANK + "D1/15'25\nU-5.00\nT-5.00\nPTea\n^\n")) == [Decimal("-5")]

    def test_memo_that_repeats_the_payee_is_not_said_twice(self) -> None:
        assert lines(read(BANK + "D1/15'25\nT-5.00\nPTea\nMTea\n^\n"))[0][2] == "Tea"

    def test_what_is_in_lists_is_no_row(self) -> None:
        found = read("!Type:Cat\nNFood\nE\n^\nNRent\nE\n^\n" + BANK + TEA + '!Type:Prices\n"IBM",123.4,"1/15/25"\n^\n')
        assert (found.rows_in, found.outside) == (1, {"list": 3})


class TestSplits:
    SPLIT = "D1/15'25\nT-30.00\nPShop\nLFood\nSFood\nETea\n$-10.00\nSHome\n$-20.00\n^\n"

    def test_are_kept_with_their_sum_checked(self) -> None:
        [line] = read(BANK + self.SPLIT).lines.to_pylist()
        assert json.loads(line["attributes"])["splits"] == [
            {"category": "Food", "memo": "Tea", "amount": "-10.00"},
            {"category": "Home", "amount": "-20.00"},
        ]

    def test_that_do_not_add_up_are_quarantined(self) -> None:
        assert reasons(read(BANK + self.SPLIT.replace("-20.00", "-21.00"))) == [(2, "splits")]

    def test_in_percent_are_taken_as_they_are(self) -> None:
        assert len(read(BANK + "D1/15'25\nT-30.00\nSFood\n%40\nSHome\n%60\n^\n").lines) == 1


class TestDates:
    @pytest.mark.parametrize(
        "text",
        ["1/15'25", "01/15/2025", "1/15/25", "15.01.2025", "15/01/25", "2025-01-15", "15-Jan-2025", "20250115"],
    )
    def test_in_all_forms(self, text: str) -> None:
        assert lines(read(BANK + f"D{text}\nT-5.00\nPTea\n^\n"))[0][0] == "2025-01-15"

    @pytest.mark.parametrize(
        ("text", "day"), [("1/ 5' 5", "2005-01-05"), ("12/31' 0", "2000-12-31"), ("12/31/99", "1999-12-31")]
    )
    def test_padded_and_of_other_centuries(self, text: str, day: str) -> None:
        assert lines(read(BANK + f"D{text}\nT-5.00\nPTea\n^\n", date_order="mdy"))[0][0] == day

    def test_one_date_decides_for_all(self) -> None:
        found = read(BANK + "D03/02/2025\nT-5.00\n^\nD13/02/2025\nT-6.00\n^\n")
        assert [line[0] for line in lines(found)] == ["2025-02-03", "2025-02-13"]

    def test_asks_where_none_does(self) -> None:
        open_one = BANK + "D03/02/2025\nT-5.00\n^\n"
        assert asked(open_one) == {"date_order"}
        assert lines(read(open_one, date_order="dmy"))[0][0] == "2025-02-03"

    def test_the_answer_is_kept(self) -> None:
        answered = read(BANK + "D03/02/2025\nT-5.00\n^\n", date_order="dmy").layout
        assert answered is not None
        assert lines(read(BANK + "D04/02/2025\nT-5.00\n^\n", saved=(answered,)))[0][0] == "2025-02-04"
        assert asked(BANK + "D02/24/2025\nT-5.00\n^\n", saved=(answered,)) == {"date_order"}

    def test_days_that_do_not_exist_are_quarantined(self) -> None:
        assert reasons(read(BANK + "D31/02/2025\nT-5.00\n^\nT-5.00\n^\n")) == [(2, "bad_date"), (5, "no_date")]


class TestAmounts:
    @pytest.mark.parametrize(
        ("text", "amount"),
        [("-1,234.56", "-1234.56"), ("-1.234,56", "-1234.56"), ("12,50", "12.5"), ("+7", "7"), ("(5.00)", "-5")],
    )
    def test_with_either_mark(self, text: str, amount: str) -> None:
        assert lines(read(BANK + f"D1/15'25\nT{text}\nPTea\n^\n"))[0][1] == amount

    def test_asks_for_the_mark_where_none_decides(self) -> None:
        assert asked(BANK + "D1/15'25\nT-1,234\n^\n") == {"decimal_mark"}
        assert amounts(read(BANK + "D1/15'25\nT-1,234\n^\nD1/16'25\nT-1.50\n^\n")) == [Decimal(-1234), Decimal("-1.5")]

    def test_a_card_without_a_minus_is_asked_about(self) -> None:
        card = "!Type:CCard\nD1/15'25\nT5.00\nPTea\n^\n"
        assert asked(card) == {"positive_is"}
        assert amounts(read(card, positive_is="out")) == [Decimal(-5)]

    @pytest.mark.parametrize(
        ("record", "reason"),
        [
            ("D1/15'25\nPTea\n", "no_amount"),
            ("D1/15'25\nT1e3\n", "bad_amount"),
            ("D1/15'25\nT-5.001\n", "too_precise"),
            ("D1/15'25\nT-99999999999999999.00\n", "too_large"),
            ("D1/15'25\nT-5.00 EUR\n", "other_currency"),
            ("D1/15'25\nT-5.00\nU-6.00\n", "bad_amount"),
            ("D1/15'25\nT-5.00\nD1/16'25\nT-6.00\n", "broken"),
        ],
    )
    def test_what_cannot_be_read_is_quarantined(self, record: str, reason: str) -> None:
        found = read(BANK + TEA + record + "^\n", decimal_mark=".")
        assert reasons(found) == [(10, reason)]
        assert found.rejected[0].original == record + "^" or found.rejected[0].original == record.rstrip("\n")


class TestAccounts:
    def test_the_account_is_told_by_its_number(self) -> None:
        found = read(TWO_ACCOUNTS, number="Visa 4111")
        assert lines(found) == [("2025-01-16", "-7", "Bus")]
        assert reasons(found) == [(15, "other_account")]

    def test_of_several_one_has_to_be_named(self) -> None:
        with pytest.raises(problems.SeveralAccounts):
            read(TWO_ACCOUNTS)

    def test_a_single_account_is_ours_whatever_its_name(self) -> None:
        one = "!Account\nNMy money\nTBank\n^\n" + BANK + TEA
        assert len(read(one, number="GB33BUKB20201555555555").lines) == 1

    def test_a_single_account_of_another_number_is_not(self) -> None:
        with pytest.raises(problems.OtherAccount):
            read("!Account\nN12345678\nTBank\n^\n" + BANK + TEA, number="87654321")

    def test_balances_are_kept(self) -> None:
        found = read(
            "!Account\nNChecking\nTBank\n/1/31'25\n$1,000.00\n^\n!Type:Bank\n"
            "D1/1'25\nT100.00\nPOpening Balance\nL[Checking]\n^\n" + TEA
        )
        assert reasons(found) == [(8, "summary")]
        assert found.balances == (
            StatedBalance(date(2025, 1, 1), Decimal("100.00"), "opening"),
            StatedBalance(date(2025, 1, 31), Decimal("1000.00"), "closing"),
        )

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ("!Type:Invst\nD1/15'25\nNBuy\nYIBM\nI10\nQ5\nT50.00\n^\n", problems.SecuritiesTrades),
            ("!Type:Cat\nNFood\n^\n", problems.NoStatement),
            ("!Type:Invst\nD1/15'25\n^\n!Account\nNB\n^\n" + BANK + TEA, None),
        ],
    )
    def test_investments_are_refused(self, content: str, problem: type[Problem] | None) -> None:
        if problem is None:
            assert reasons(read(content)) == [(2, "other_account")]
            return
        with pytest.raises(problem):
            read(content)


TEXT = st.text(alphabet="abcXYZ 0123456789,;\"|'&/éü.-$^!", min_size=1, max_size=30).map(
    lambda text: " ".join(text.split())
)
ENTRY = st.tuples(
    st.dates(date(1970, 1, 1), date(2069, 12, 31)),
    st.integers(-(10**12), 10**12).filter(bool).map(lambda minor: Decimal(minor) / 100),
    TEXT.filter(lambda text: any(letter.isalpha() for letter in text)),
)


def quicken(day: date) -> str:
    return f"{day.month}/{day.day:2d}{chr(39) if day.year >= 2000 else '/'}{day.year % 100:2d}"


DATES: dict[str, Callable[[date], str]] = {
    "mdy": quicken,
    "dmy": lambda day: f"{day:%d.%m.%Y}",
    "ymd": lambda day: f"{day:%Y-%m-%d}",
}


class TestRoundTrip:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(ENTRY, min_size=1, max_size=12), st.sampled_from(list(DATES)), st.sampled_from([".", ","]))
    def test_the_same_list_comes_back(self, entries: list[tuple[date, Decimal, str]], order: str, mark: str) -> None:
        other = str.maketrans(".,", ",.") if mark == "," else {}
        written = "".join(
            f"D{DATES[order](day)}\nT{f'{amount:,.2f}'.translate(other)}\nP{text}\n^\n" for day, amount, text in entries
        )
        found = read(BANK + written, date_order=order, decimal_mark=mark)
        assert [(line["booked_on"], line["amount"], line["merchant"]) for line in found.lines.to_pylist()] == entries
