"""OFX: both generations, the bank's own ids kept, every transaction a line or rejected."""

import json
from decimal import Decimal

import pytest

from ai2.ingest import problems
from ai2.kit.errors import Problem
from tests.ingest.reading import asked, lines, read, reasons

SGML = """OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>GBP<BANKACCTFROM><BANKID>1<ACCTID>12345678<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20240101<DTEND>20240131
{entries}
</BANKTRANLIST><LEDGERBAL><BALAMT>382.34<DTASOF>20240131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
TEA = (
    "<STMTTRN><TRNTYPE>POS<DTPOSTED>20240113120000.000[-5:EST]<TRNAMT>-6.60<FITID>A1"
    "<NAME>Tea &amp; Co<SIC>5812</STMTTRN>"
)
DOCTYPE = '<?xml version="1.0"?><!DOCTYPE OFX [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
TRADES = "<INVSTMTRS><INVTRANLIST><BUYSTOCK><UNITS>1</BUYSTOCK></INVTRANLIST>"
BUS = "<STMTTRN>\n<TRNTYPE>CHECK\n<DTPOSTED>20240114\n<TRNAMT>-2,50\n<FITID>A2\n<CHECKNUM>0\n<MEMO>Bus\n</STMTTRN>"


def ofx(*entries: str) -> str:
    return SGML.format(entries="\n".join(entries))


def xml(text: str) -> str:
    """The same with every value's tag closed, and without a header of OFX 1."""
    import re

    closed = re.sub(r"<([A-Z]+)>([^<\s][^<\n]*)", r"<\1>\2</\1>", text[text.index("<OFX>") :])
    return '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211"?>\n' + closed


class TestRead:
    @pytest.mark.parametrize("dress", [str, xml])
    def test_both_generations_read_alike(self, dress: "type[str]") -> None:
        found = read(dress(ofx(TEA, BUS)), name="a.ofx")
        assert lines(found) == [("2024-01-13", "-6.6", "Tea & Co"), ("2024-01-14", "-2.5", "Bus")]
        assert (found.format, found.account_number) == ("ofx", "12345678")
        assert [(stated.amount, stated.kind) for stated in found.balances] == [(Decimal("382.34"), "closing")]

    def test_keeps_the_banks_id_code_and_the_rest(self) -> None:
        [tea, bus] = read(ofx(TEA, BUS)).lines.to_pylist()
        assert (tea["provider_id"], tea["mcc"], tea["merchant"]) == ("A1", "5812", "Tea & Co")
        assert json.loads(tea["attributes"]) == {"TRNTYPE": "POS"}
        assert bus["reference"] is None  # 0 is no cheque

    def test_a_memo_that_repeats_the_name_is_said_once(self) -> None:
        entry = TEA.replace("</STMTTRN>", "<MEMO>Tea &amp; Co London</STMTTRN>")
        assert lines(read(ofx(entry)))[0][2] == "Tea & Co London"

    def test_zeros_behind_the_point_say_nothing_however_many_there_are(self) -> None:
        [line] = lines(read(ofx(BUS.replace("-2,50", f"-2.5{'0' * 40}"))))
        assert line[1] == "-2.5"

    def test_without_name_and_memo_the_kind_describes_it(self) -> None:
        assert lines(read(ofx(TEA.replace("<NAME>Tea &amp; Co", ""))))[0][2] == "POS"

    def test_is_utf8_where_it_is_whatever_the_header_says(self) -> None:
        text = ofx(TEA.replace("Tea &amp; Co", "Café"))
        assert lines(read(text.encode("utf-8")))[0][2] == "Café"
        assert lines(read(text.encode("cp1252")))[0][2] == "Café"

    def test_line_numbers_differ_even_where_all_stands_in_one_line(self) -> None:
        found = read(ofx(TEA + TEA.replace("A1", "A3") + BUS).replace("\n", " ")).lines.to_pylist()
        assert len({line["line_number"] for line in found}) == 3

    def test_value_date_other_side_and_available_balance(self) -> None:
        entry = TEA.replace(
            "<SIC>5812", "<DTAVAIL>20240116<BANKACCTTO><BANKID>1<ACCTID>87 65 43<ACCTTYPE>X</BANKACCTTO>"
        )
        available = "</LEDGERBAL><AVAILBAL><BALAMT>1.00<DTASOF>20240131</AVAILBAL>"
        found = read(ofx(entry).replace("</LEDGERBAL>", available))
        [line] = found.lines.to_pylist()
        assert (str(line["value_on"]), line["counterparty"]) == ("2024-01-16", "876543")
        assert [stated.amount for stated in found.balances] == [Decimal("382.34")]

    def test_entries_that_are_announced_are_pending(self) -> None:
        soon = BUS.replace("STMTTRN>", "STMTTRNP>").replace("DTPOSTED", "DTTRAN")
        lists = ofx(TEA).replace("</BANKTRANLIST>", f"</BANKTRANLIST><BANKTRANLISTP>{soon}</BANKTRANLISTP>")
        found = read(lists)
        assert found.lines["status"].to_pylist() == ["posted", "pending"]
        assert lines(found)[1] == ("2024-01-14", "-2.5", "Bus")

    def test_an_entry_whose_own_closing_tag_is_missing_ends_where_the_next_begins(self) -> None:
        found = read(ofx(TEA.replace("</STMTTRN>", ""), BUS.replace("</STMTTRN>", "")))
        assert lines(found) == [("2024-01-13", "-6.6", "Tea & Co"), ("2024-01-14", "-2.5", "Bus")]

    @pytest.mark.parametrize(
        ("old", "new"), [("<OFX>", "<OFX >"), ("OFXHEADER:100\nDATA:OFXSGML\n\n<OFX>", "<OFX >"), ("</STMTRS>", "</X>")]
    )
    def test_what_some_banks_get_wrong(self, old: str, new: str) -> None:
        assert len(read(ofx(TEA, BUS).replace(old, new)).lines) == 2

    @pytest.mark.parametrize("tag", ["stmttrn", "StmtTrn"])
    def test_tags_in_any_case(self, tag: str) -> None:
        assert len(read(ofx(TEA.replace("STMTTRN", tag))).lines) == 1


class TestCorrections:
    """What the bank deletes or replaces in one file is not booked; of former files a person has to say it."""

    def correction(self, action: str, former: str) -> str:
        return TEA.replace("<FITID>A1", f"<FITID>A9<CORRECTFITID>{former}<CORRECTACTION>{action}").replace(
            "6.60", "6.50"
        )

    def test_replaces_an_entry_of_the_same_file(self) -> None:
        found = read(ofx(TEA, self.correction("REPLACE", "A1")))
        assert [line[1] for line in lines(found)] == ["-6.5"]
        assert [code for _, code in reasons(found)] == ["not_booked"]

    def test_deletes_an_entry_of_the_same_file(self) -> None:
        found = read(ofx(TEA, self.correction("DELETE", "A1")))
        assert ([*lines(found)], [code for _, code in reasons(found)]) == ([], ["not_booked", "correction"])

    @pytest.mark.parametrize("action", ["REPLACE", "DELETE"])
    def test_an_entry_of_another_file_is_left_to_a_person(self, action: str) -> None:
        found = read(ofx(BUS, self.correction(action, "OLD")))
        assert [code for _, code in reasons(found)] == ["correction"]


class TestRejected:
    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("<DTPOSTED>20240113120000.000[-5:EST]", "", "no_date"),
            ("20240113120000.000[-5:EST]", "20240230", "bad_date"),
            ("-6.60", "$6", "bad_amount"),
            ("<TRNAMT>-6.60", "", "no_amount"),
            ("-6.60", "-6.605", "too_precise"),
            ("-6.60", "-2,000", "bad_amount"),  # two thousand as likely as two
            ("<SIC>5812", "<CURRENCY><CURRATE>1.2<CURSYM>EUR</CURRENCY>", "other_currency"),
        ],
    )
    def test_says_why(self, old: str, new: str, reason: str) -> None:
        found = read(ofx(TEA.replace(old, new), BUS))
        assert [code for _, code in reasons(found)] == [reason]
        assert (found.rows_in, len(found.lines)) == (2, 1)
        assert "<STMTTRN>" in found.rejected[0].original

    def test_thousands_beside_decimals_are_certain(self) -> None:
        assert lines(read(ofx(TEA.replace("-6.60", "-1,054.20"))))[0][1] == "-1054.2"

    def test_an_entry_in_which_the_file_ends_is_cut_off(self) -> None:
        text = ofx(TEA, BUS)
        assert [code for _, code in reasons(read(text[: text.index("<CHECKNUM>")]))] == ["cut_off"]

    def test_an_amount_that_was_converted_is_the_accounts(self) -> None:
        entry = TEA.replace("<SIC>5812", "<ORIGCURRENCY><CURRATE>1.2<CURSYM>EUR</ORIGCURRENCY>")
        assert len(read(ofx(entry)).lines) == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (DOCTYPE + ofx(TEA), problems.UnsafeMarkup),
            ("OFXHEADER:100\n\n<OFX></OFX>", problems.NoStatement),
            ("<OFX><SONRS><STATUS><CODE>15500<SEVERITY>ERROR</STATUS></SONRS></OFX>", problems.BankReportsError),
            (ofx(TEA).replace("<STMTRS>", TRADES), problems.SecuritiesTrades),
            (ofx(TEA).replace("<CURDEF>GBP", "<CURDEF>EUR"), problems.OtherCurrency),
            (ofx(TEA) + ofx(TEA).replace("12345678", "87654321"), problems.SeveralAccounts),
        ],
    )  # fmt: skip
    def test_says_why(self, content: str, problem: type[Problem]) -> None:
        with pytest.raises(problem):
            read(content)

    def test_of_several_accounts_the_one_with_the_number_is_read(self) -> None:
        both = ofx(TEA) + ofx(BUS).replace("12345678", "87654321")
        found = read(both, number="00-87654321")
        assert [line[2] for line in lines(found)] == ["Bus"]
        assert [code for _, code in reasons(found)] == ["other_account"]

    def test_another_accounts_file(self) -> None:
        with pytest.raises(problems.OtherAccount):
            read(ofx(TEA), number="99999999")


class TestSigns:
    SPENT = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240113<TRNAMT>5.00<FITID>B1<NAME>Shop</STMTTRN>"
    PAID = "<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20240114<TRNAMT>-50.00<FITID>B2<NAME>Payment</STMTTRN>"

    def test_debits_above_and_credits_below_zero_are_asked_about(self) -> None:
        assert asked(ofx(self.SPENT, self.PAID)) == {"positive_is"}
        found = read(ofx(self.SPENT, self.PAID), positive_is="out")
        assert [line[1] for line in lines(found)] == ["-5", "50"]
        assert found.layout is not None
        assert [line[1] for line in lines(read(ofx(self.SPENT), saved=(found.layout,)))] == ["-5"]

    def test_what_contradicts_the_answer_is_asked_again(self) -> None:
        kept = read(ofx(self.SPENT), positive_is="out").layout
        assert kept is not None
        assert asked(ofx(self.SPENT.replace("5.00", "-5.00")), saved=(kept,)) == {"positive_is"}

    def test_one_debit_among_others_may_be_taken_back(self) -> None:
        straight = self.SPENT.replace("5.00", "-9.00").replace("B1", "B3")
        assert [line[1] for line in lines(read(ofx(self.SPENT, straight)))] == ["5", "-9"]
