"""Rows: each one becomes a line or is rejected with its line number, reason and text; none vanishes."""

import pytest

from tests.ingest.reading import lines, read, reasons

HEADER = "Date,Description,Amount\n2024-01-13,Tea,-2.00\n2024-01-14,Bus,-1.00\n"


class TestRejected:
    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            ("2024-02-30,A,-1.00", "bad_date"),
            ("1024-02-03,A,-1.00", "bad_date"),
            ("soon,A,-1.00", "bad_date"),
            (",A,-1.00", "no_date"),
            ("Pending,A,-1.00", "pending"),
            ("2024-01-15,A,1e3", "bad_amount"),
            ("2024-01-15,A,-1-", "bad_amount"),
            ("2024-01-15,A,12345678901234567890", "bad_amount"),
            ("2024-01-15,A,", "no_amount"),
            ("2024-01-15,A", "no_amount"),
            ("2024-01-15,A,-1.005", "too_precise"),
            ("2024-01-15,A,B,-1.00", "extra_cells"),
            ("2024-01-15,A,-1.00,surplus", "extra_cells"),
            ("2024-01-15,Opening balance,100.00", "summary"),
            ("2024-01-15,Total:,100.00", "summary"),
        ],
    )
    def test_says_which_row_and_why(self, row: str, reason: str) -> None:
        found = read(f"{HEADER}{row}\n2024-01-16,End,-1.00\n")
        assert reasons(found) == [(4, reason)]
        assert found.rejected[0].original == row
        assert (found.rows_in, len(found.lines)) == (4, 3)

    def test_a_status_column_tells_what_is_not_booked(self) -> None:
        text = (
            "Date,Description,Amount,State\n2024-01-13,A,-2.00,COMPLETED\n2024-01-14,B,-1.00,PENDING\n"
            "2024-01-15,C,-1.00,DECLINED\n"
        )
        found = read(text)
        assert reasons(found) == [(4, "not_booked")]
        assert found.lines["status"].to_pylist() == ["posted", "pending"]

    def test_a_row_with_debit_and_credit_is_neither(self) -> None:
        text = "Date,Text,Debit,Credit\n2024-01-13,A,2.00,\n2024-01-14,B,1.00,1.00\n2024-01-15,C,0.00,5.00\n"
        found = read(text)
        assert reasons(found) == [(3, "two_amounts")]
        assert [line[1] for line in lines(found)] == ["-2", "5"]

    def test_a_row_without_its_flag_is_not_guessed(self) -> None:
        text = (
            "Date;Text;Amount;D/C\n2024-01-13;A;2.00;D\n2024-01-14;B;1.00;C\n2024-01-15;C;1.00;\n2024-01-15;C;1.00;X\n"
        )
        assert reasons(read(text)) == [(4, "no_flag"), (5, "no_flag")]

    def test_a_row_of_another_currency(self) -> None:
        text = "Date,Text,Amount,Currency\n2024-01-13,A,-2.00,GBP\n2024-01-14,B,-1.00,EUR\n"
        assert reasons(read(text)) == [(3, "other_currency")]

    def test_a_yen_has_no_decimals_and_a_dinar_three(self) -> None:
        assert reasons(read(HEADER, currency="JPY")) == []
        assert reasons(read(HEADER + "2024-01-15,A,-1.5\n", currency="JPY")) == [(4, "too_precise")]
        assert reasons(read(HEADER + "2024-01-15,A,-1.005\n", currency="KWD")) == []

    def test_an_open_quote_takes_no_other_row_along(self) -> None:
        text = HEADER + '2024-01-15,"A,-1.00\n2024-01-16,B,-1.00\n2024-01-17,"C",-1.00\n'
        found = read(text)
        assert reasons(found) == [(4, "open_quote")]
        assert [line[2] for line in lines(found)] == ["Tea", "Bus", "B", "C"]

    def test_an_open_quote_does_not_swallow_a_long_file(self) -> None:
        text = HEADER + '2024-01-15,"A,-1.00\n' + "2024-01-16,B,-1.00\n" * 20_000
        found = read(text)
        assert (found.rows_in, len(found.lines)) == (20_003, 20_002)

    def test_damaged_bytes_spoil_their_row_only(self) -> None:
        raw = "Date,Description,Amount\n2024-01-13,Café,-2.00\n2024-01-13,Crème,-2.00\n".encode()
        found = read(raw + b"2024-01-14,Caf\xe9,-1.00\n2024-01-15,Tea,-1.00\n")
        assert reasons(found) == [(4, "wrong_encoding")]

    def test_a_bank_may_write_a_replacement_character_itself(self) -> None:
        assert reasons(read(HEADER + "2024-01-15,Caf\ufffd,-1.00\n")) == []

    def test_what_is_no_merchant_code_is_none(self) -> None:
        first = read("Date,Text,Amount,MCC\n2024-01-13,A,-2.00,5812\n")
        assert first.lines["mcc"].to_pylist() == ["5812"]
        assert first.layout is not None
        later = read("Date,Text,Amount,MCC\n2024-01-13,A,-2.00,restaurant\n", saved=(first.layout,))
        assert later.lines["mcc"].to_pylist() == [None]

    def test_the_row_that_the_end_of_the_file_cut(self) -> None:
        rows = "".join(f"2024-01-{day},Coffee,-4.50,{day}.00\n" for day in range(10, 20))
        found = read("Date,Description,Amount,Number\n" + rows + "2024-01-20,Coffee,-4")
        assert reasons(found) == [(12, "cut_off")]

    def test_a_last_row_without_a_line_end_is_whole(self) -> None:
        assert len(read(HEADER.rstrip("\n")).lines) == 2


class TestOutside:
    """What is no row: counted, not rejected."""

    def test_preamble_blank_lines_and_footer(self) -> None:
        text = "Account;12345\nFrom;2024\n\nDatum;Text;Betrag\n2024-01-13;A;-2,00\n\n2024-01-14;B;-1,00\nThank you;;\n"
        found = read(text, currency="EUR")
        assert [line[2] for line in lines(found)] == ["A", "B"]
        assert found.outside == {"preamble": 3, "blank": 2, "footer": 1, "continuation": 0, "header": 0}

    def test_line_numbers_are_those_of_the_file(self) -> None:
        text = 'Account;12345\n\nDatum;Text;Betrag\n2024-01-13;"A\nB";-2,00\n2024-01-14;C;-1,00\n'
        found = read(text, currency="EUR").lines.to_pylist()
        assert [(line["line_number"], line["description"]) for line in found] == [(4, "A B"), (6, "C")]

    def test_a_preamble_with_a_date_and_a_balance_is_no_row(self) -> None:
        text = "Kontostand am;31.01.2024;1.234,56 EUR\n\nDatum;Text;Umsatzart;Betrag\n13.01.2024;A;X;-2,00\n"
        assert lines(read(text, currency="EUR")) == [("2024-01-13", "-2", "A")]

    def test_a_row_in_the_middle_is_no_footer(self) -> None:
        found = read(HEADER + "A note,,\n2024-01-16,End,-1.00\n")
        assert reasons(found) == [(4, "bad_date")]

    def test_an_empty_statement_has_no_rows(self) -> None:
        assert read("Date,Description,Amount\n").rows_in == 0
