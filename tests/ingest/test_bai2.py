"""BAI2: accounts told apart, amounts in the currency's smallest unit, control totals held to."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai2.ingest import problems
from ai2.ingest.lines import StatedBalance
from ai2.kit.errors import Problem
from tests.ingest.reading import amounts, lines, read, reasons


def bai2(
    *transactions: str, currency: str = "USD", summary: str = "010,100000,,,015,90000,,", status: str = "1"
) -> str:
    """A file of one account, its control totals right."""
    moved = [text.split(",")[1] for text in transactions]
    total = sum(int(amount) for amount in moved if amount.lstrip("+-").isdigit())
    total += sum(int(field) for field in summary.split(",")[1::4] if field)
    rows = "".join(f"16,{text}\n" for text in transactions)
    return (
        "01,BANK,ME,250115,0600,1,80,1,2/\n"
        f"02,ME,BANK,{status},250114,2359,{currency},2/\n"
        f"03,123456789,,{summary}/\n{rows}"
        f"49,{total},{len(transactions) + 2}/\n98,{total},1,{len(transactions) + 4}/\n"
        f"99,{total},1,{len(transactions) + 6}/\n"
    )


class TestTransactions:
    def test_codes_say_which_way_money_went(self) -> None:
        found = read(bai2("195,150000,,REF1,CUST1,WIRE IN/", "475,2500,,,1001,CHECK/", "661,100,,,,/"), currency="USD")
        assert lines(found) == [
            ("2025-01-14", "1500", "WIRE IN"),
            ("2025-01-14", "-25", "CHECK"),
            ("2025-01-14", "-1", "Account analysis fee"),
        ]
        assert found.lines["reference"].to_pylist() == ["CUST1", "1001", None]
        assert found.lines["line_number"].to_pylist() == [4, 5, 6]

    @pytest.mark.parametrize(
        ("code", "way"),
        [
            ("100", 0),
            ("399", 1),
            ("400", 0),
            ("401", -1),
            ("699", -1),
            ("721", 1),
            ("765", -1),
            ("930", 1),
            ("970", -1),
        ],
    )
    def test_every_range_of_codes(self, code: str, way: int) -> None:
        found = read(bai2(f"{code},500,,,,X/"), currency="USD")
        assert amounts(found) == [Decimal(5) * way] * abs(way)

    @pytest.mark.parametrize(("currency", "amount"), [("USD", "15"), ("JPY", "1500"), ("KWD", "1.5")])
    def test_decimals_are_those_of_the_currency(self, currency: str, amount: str) -> None:
        assert lines(read(bai2("195,1500,,,,X/", currency=currency), currency=currency))[0][1] == amount

    @pytest.mark.parametrize(
        ("funds", "attributes", "value_on"),
        [
            ("", {}, None),
            ("Z", {"funds_type": "Z"}, None),
            ("0", {"funds_type": "0"}, None),
            ("V,250120,1300", {"funds_type": "V", "value_date": "250120"}, date(2025, 1, 20)),
            ("S,100,200,300", {"funds_type": "S", "available_in_days": {"0": "100", "1": "200", "2": "300"}}, None),
            ("D,2,0,100,3,500", {"funds_type": "D", "available_in_days": {"0": "100", "3": "500"}}, None),
        ],
    )
    def test_funds_types_take_their_own_fields(
        self, funds: str, attributes: dict[str, object], value_on: date | None
    ) -> None:
        [line] = read(bai2(f"195,600,{funds},BREF,CREF,A, B/C, D/"), currency="USD").lines.to_pylist()
        assert (line["reference"], line["description"], line["value_on"]) == ("CREF", "A, B/C, D", value_on)
        assert json.loads(line["attributes"]) == {"type_code": "195", "bank_reference": "BREF", **attributes}

    def test_continuations_go_on_with_fields_and_texts(self) -> None:
        text = bai2("195,600,V,250120,,BREF/\n88,CREF,FIRST/\n88,SECOND, THIRD/\nAND THE REST/")
        [line] = read(text, currency="USD").lines.to_pylist()
        assert (line["reference"], line["description"]) == ("CREF", "FIRST SECOND, THIRD AND THE REST")

    def test_texts_may_lack_their_slash(self) -> None:
        assert lines(read(bai2("195,600,,,,REF 12/16, 30", "475,5,,,,X"), currency="USD"))[0][2] == "REF 12/16, 30"

    def test_records_may_share_a_line(self) -> None:
        found = read(bai2("195,600,,,,A/", "475,500,,,,B/").replace("/\n", "/ "), currency="USD")
        assert (amounts(found), found.lines["line_number"].to_pylist()) == ([Decimal(6), Decimal(-5)], [4, 5])

    @pytest.mark.parametrize(
        ("transaction", "reason"),
        [
            ("890,,,,,NO MONEY/", "no_amount"),
            ("195,1x,,,,X/", "bad_amount"),
            ("195,12.50,,,,X/", "bad_amount"),
            ("195,-500,,,,X/", "bad_amount"),
            ("100,500,,,,TOTAL/", "summary"),
            ("800,500,,,,X/", "no_flag"),
            ("195,999999999999999990,,,,X/", "too_large"),
        ],
    )
    def test_what_cannot_be_read_is_quarantined(self, transaction: str, reason: str) -> None:
        text = bai2(transaction, "475,5,,,,X/", currency="JPY", summary="")
        if reason == "bad_amount":
            text = text.replace(f"49,{-495 if '-500' in transaction else 5},", "49,5,").replace(",-495,", ",5,")
        found = read(text, currency="JPY")
        assert reasons(found) == [(4, reason)]
        assert found.rejected[0].original == f"16,{transaction}"

    def test_groups_that_are_deleted_or_tests_are_not_booked(self) -> None:
        found = read(bai2("195,600,,,,A/", status="2"), currency="USD")
        assert (reasons(found), found.balances) == ([(4, "not_booked")], ())


class TestBalances:
    def test_ledger_balances_are_kept_and_available_ones_are_not(self) -> None:
        found = read(bai2("195,600,,,,A/", summary="010,-100000,,,040,5,,,015,-99400,,"), currency="USD")
        assert found.balances == (
            StatedBalance(date(2025, 1, 14), Decimal("-1000.00"), "opening"),
            StatedBalance(date(2025, 1, 14), Decimal("-994.00"), "closing"),
        )

    def test_a_sum_of_transactions_alone_holds_too(self) -> None:
        text = bai2("195,600,,,,A/")
        assert len(read(text.replace("190600", "600"), currency="USD").lines) == 1


class TestRefused:
    GOOD = bai2("195,600,,,,A/", "475,500,,,,B/")

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (GOOD.replace("195,600", "195,601"), problems.ControlTotalsDiffer),
            (GOOD.replace("16,475,500,,,,B/\n", ""), problems.ControlTotalsDiffer),
            (GOOD.replace("98,", "98,1"), problems.ControlTotalsDiffer),
            (GOOD.replace("99,", "99,1"), problems.ControlTotalsDiffer),
            (GOOD[: GOOD.index("99,")], problems.CutOff),
            (GOOD[: GOOD.index("16,475")], problems.CutOff),
            (GOOD.replace("03,", "88,"), problems.BrokenRecords),
            (GOOD.replace("02,ME", "16,ME"), problems.BrokenRecords),
            ("01,BANK,ME,250115,0600,1,80,1,2/\n99,0,0,2/\n", problems.NoStatement),
        ],
    )
    def test_says_why(self, content: str, problem: type[Problem]) -> None:
        with pytest.raises(problem):
            read(content, currency="USD")

    def test_another_currency(self) -> None:
        with pytest.raises(problems.OtherCurrency):
            read(self.GOOD, currency="CAD")

    def test_another_account(self) -> None:
        with pytest.raises(problems.OtherAccount):
            read(self.GOOD, currency="USD", number="987654321")


class TestCorpus:
    """Real banks' files, made anonymous. All their control totals hold."""

    @pytest.mark.parametrize(
        ("name", "currency", "number", "loaded", "others", "total", "first"),
        [
            ("sample1.txt", "CAD", None, 17, 0, "0", ("2006-03-17", "-25", "RETURNED CHEQUE")),
            ("sample1.txt", "CAD", "10200123456", 17, 0, "0", ("2006-03-17", "-25", "RETURNED CHEQUE")),
            ("sample2.txt", "USD", "0123456789", 1, 3, "4500.00", ("2004-06-20", "4500", "Lockbox deposit")),
            ("sample2.txt", "USD", "9876543210", 1, 3, "5000.00", ("2004-06-20", "5000", "LOCK BOX NO.68751")),
            (
                "sample2.txt", "USD", "4589761203", 2, 2, "300000.00",
                ("2004-06-20", "200000", "PROCEEDS OF LETTER OF CREDIT FROM THE ARAMCO OIL CO"),
            ),
            # Accounts with balances and totals only.
            ("sample2.txt", "USD", "0975312468", 0, 4, "0", None),
            ("sample2.txt", "USD", "7890654321", 0, 4, "0", None),
            # Several accounts under one number since they were made anonymous.
            ("sample3.txt", "USD", "1111111", 8, 18, "-308.03", ("2022-09-19", "25", "TRANSFER PAYPAL PPD")),
            (
                "sample3.txt", "USD", "11111111", 18, 8, "110.98",
                ("2022-09-19", "25", "111111 ACH_SETL 1111111111 111111111111111 1111111111"),
            ),
        ],
    )  # fmt: skip
    def test_reads_to_the_right_lines(
        self,
        data: Path,
        name: str,
        currency: str,
        number: str | None,
        loaded: int,
        others: int,
        total: str,
        first: tuple[str, str, str] | None,
    ) -> None:
        content = (data / "statements" / "bai2" / name).read_bytes()
        found = read(content, currency=currency, number=number, name=name)
        assert (len(found.lines), {reason for _, reason in reasons(found)}) == (
            loaded,
            {"other_account"} if others else set(),
        )
        assert (len(found.rejected), sum(amounts(found))) == (others, Decimal(total))
        assert lines(found)[:1] == ([first] if first else [])

    def test_the_last_statement_of_sample3_follows_from_its_balances(self, data: Path) -> None:
        found = read((data / "statements" / "bai2" / "sample3.txt").read_bytes(), currency="USD", number="11111111")
        opening, closing = [balance.amount for balance in found.balances[4:6]]
        assert closing - opening == sum(amounts(found)[-8:])

    @pytest.mark.parametrize(
        ("name", "currency", "problem"),
        [
            ("sample1.txt", "USD", problems.OtherCurrency),
            ("sample2.txt", "USD", problems.SeveralAccounts),
            ("sample3.txt", "USD", problems.SeveralAccounts),
        ],
    )
    def test_is_refused_with_the_right_reason(
        self, data: Path, name: str, currency: str, problem: type[Problem]
    ) -> None:
        with pytest.raises(problem):
            read((data / "statements" / "bai2" / name).read_bytes(), currency=currency, name=name)

    def test_every_file_is_covered(self, data: Path) -> None:
        found = {path.name for path in (data / "statements" / "bai2").iterdir()} - {"LICENSE"}
        assert found == {"sample1.txt", "sample2.txt", "sample3.txt"}


TEXT = st.text(alphabet="abcXYZ 0123456789,;|'&.-/", min_size=1, max_size=40).map(lambda text: " ".join(text.split()))
ENTRY = st.tuples(
    st.integers(-(10**12), 10**12).filter(bool),
    TEXT.map(lambda text: f"A{text}".removesuffix("/").replace("/ ", " ").strip()),
)


class TestRoundTrip:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(ENTRY, min_size=1, max_size=12))
    def test_the_same_list_comes_back(self, entries: list[tuple[int, str]]) -> None:
        rows = [f"{'399' if minor > 0 else '699'},{abs(minor)},V,250113,,,,{text}/" for minor, text in entries]
        found = read(bai2(*rows), currency="USD").lines.to_pylist()
        assert [(int(line["amount"] * 100), line["description"]) for line in found] == entries
