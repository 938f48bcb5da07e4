"""Amounts: every notation to the exact number, or not at all."""

from decimal import Decimal

import pytest

from ai2.ingest.layout import amounts

POINT = [
    ("1234.56", "1234.56"),
    ("1,234.56", "1234.56"),
    ("1'234.56", "1234.56"),
    ("1 234.56", "1234.56"),
    ("1\u00a0234.56", "1234.56"),
    ("1\u202f234.56", "1234.56"),
    ("1\u2009234.56", "1234.56"),
    ("1,23,456.78", "123456.78"),
    ("(45.00)", "-45.00"),
    ("45.00-", "-45.00"),
    ("\u221212.00", "-12.00"),
    ("-110.7 €", "-110.7"),
    ("€-5", "-5"),
    ("(£5.00)", "-5.00"),
    ("- £ 3.20", "-3.20"),
    ("+2.50", "2.50"),
    (".50", "0.50"),
    ("5.", "5"),
    ("0.125", "0.125"),
    ("CHF 1'000.00", "1000.00"),
    ("-0.00", "0"),
    ("1234567890123456.78", "1234567890123456.78"),
]
COMMA = [
    ("1234,56", "1234.56"),
    ("1.234,56", "1234.56"),
    ("1 234,56", "1234.56"),
    ("1.234.567", "1234567"),
    ("+2,50", "2.50"),
    ("-110,7 €", "-110.7"),
    ("R$ 1.234,56", "1234.56"),
    (",50", "0.50"),
]
NEITHER = ["1e3", "1.2.3", "12 34,5", "--5", "(5", "5)", "-(5)", "abc", "", "1,000,00", "٣", "0x10", "nan", "inf", "5%"]


class TestRead:
    @pytest.mark.parametrize(("text", "expected"), POINT)
    def test_reads_with_a_point(self, text: str, expected: str) -> None:
        found = amounts.read(text, ".")
        assert found is not None
        assert found.value == Decimal(expected)

    @pytest.mark.parametrize(("text", "expected"), COMMA)
    def test_reads_with_a_comma(self, text: str, expected: str) -> None:
        found = amounts.read(text, ",")
        assert found is not None
        assert found.value == Decimal(expected)

    @pytest.mark.parametrize("text", NEITHER)
    def test_refuses_what_is_no_amount(self, text: str) -> None:
        assert amounts.read(text, ".") is None
        assert amounts.read(text, ",") is None

    @pytest.mark.parametrize(
        ("text", "mark"),
        [("45.00 CR", 1), ("45.00 DR", -1), ("45.00CR", 1), ("5.00 S", -1), ("5.00 H", 1), ("5.00", 0)],
    )
    def test_keeps_what_a_mark_says(self, text: str, mark: int) -> None:
        found = amounts.read(text, ".")
        assert found is not None
        assert (found.mark, found.value > 0) == (mark, True)

    def test_does_not_read_a_comma_as_a_point(self) -> None:
        assert amounts.read("45,00", ".") is None
        assert amounts.read("1.234,56", ".") is None


class TestDecimalMark:
    @pytest.mark.parametrize(
        ("cells", "decided"),
        [
            (["14.000", "1.5"], "."),
            (["14.000", "1,5"], ","),
            (["1,234.56"], "."),
            (["1.234,56"], ","),
            (["1.234.567"], ","),
            (["0.125"], "."),
            (["-110,7 €"], ","),
        ],
    )
    def test_one_value_decides_for_all(self, cells: list[str], decided: str) -> None:
        assert amounts.mark_evidence(cells).decided == decided

    def test_a_group_of_three_decides_nothing(self) -> None:
        assert amounts.mark_evidence(["14.000", "2.500"]) == amounts.MarkEvidence(None, needed=True)

    def test_whole_numbers_need_no_decision(self) -> None:
        assert amounts.mark_evidence(["14", "-3"]) == amounts.MarkEvidence(None)

    def test_two_notations_contradict(self) -> None:
        assert amounts.mark_evidence(["1.50", "1,50"]).contradicts


class TestSymbols:
    @pytest.mark.parametrize(
        ("symbol", "currency", "allowed"),
        [
            ("£", "GBP", True), ("£", "EUR", False), ("$", "USD", True), ("$", "CAD", True), ("$", "GBP", False),
            ("kr.", "DKK", True), ("EUR", "EUR", True), ("EUR", "GBP", False), ("US$", "USD", True),
            ("R$", "BRL", True),
        ],
    )  # fmt: skip
    def test_a_sign_may_mean_a_currency(self, symbol: str, currency: str, allowed: bool) -> None:
        assert amounts.symbol_allows(symbol, currency) is allowed
