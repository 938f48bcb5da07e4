"""camt.052, .053 and .054: every version alike, batches taken apart where they add up, and nothing unsafe read."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from ai2.ingest import problems
from ai2.kit.errors import Problem
from tests.ingest.reading import lines, read, reasons

OWN, OTHER = "GB29NWBK60161331926819", "GB94BARC10201530093459"
KINDS = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
PARTIES = (
    f"<RltdPties><Dbtr><Nm>Bright Bikes</Nm></Dbtr><DbtrAcct><Id><IBAN>{OWN}</IBAN></Id></DbtrAcct>"
    f"<Cdtr><Nm>Tea  Ltd</Nm></Cdtr><CdtrAcct><Id><IBAN>{OTHER}</IBAN></Id></CdtrAcct></RltdPties>"
)
# The same of what comes in.
INWARD = PARTIES.replace("Dbtr", "*").replace("Cdtr", "Dbtr").replace("*", "Cdtr")


def entry(
    amount: str = "6.60",
    direction: str = "DBIT",
    *,
    details: str = "",
    status: str = "<Sts>BOOK</Sts>",
    dates: str = "<BookgDt><Dt>2024-01-13</Dt></BookgDt><ValDt><Dt>2024-01-15</Dt></ValDt>",
    more: str = "",
    currency: str = "GBP",
) -> str:
    detail = f"<NtryDtls>{details}</NtryDtls>" if details else ""
    return (
        f'<Ntry>\n<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{status}'
        f"{dates}{more}{detail}\n</Ntry>\n"
    )


def balance(kind: str, amount: str, on: str, direction: str = "CRDT") -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="GBP">{amount}</Amt>'
        f"<CdtDbtInd>{direction}</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>\n"
    )


def statement(*content: str, number: str = OWN, kind: str = "053") -> str:
    tag = KINDS[kind][1]
    return f"<{tag}><Id>1</Id><Acct><Id><IBAN>{number}</IBAN></Id></Acct>\n{''.join(content)}</{tag}>"


def camt(*statements: str, kind: str = "053", version: int = 2, before: str = "") -> str:
    message = KINDS[kind][0] + ("V01" if version == 1 else "")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{before}'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version:02}">\n<{message}>'
        f"<GrpHdr><MsgId>1</MsgId></GrpHdr>\n{''.join(statements)}</{message}></Document>"
    )


def detail(
    amount: str = "", *, reference: str = "", text: str = "", parties: str = PARTIES, currency: str = "GBP"
) -> str:
    amounts = f'<AmtDtls><TxAmt><Amt Ccy="{currency}">{amount}</Amt></TxAmt></AmtDtls>' if amount else ""
    refs = f"<Refs><EndToEndId>{reference}</EndToEndId></Refs>" if reference else ""
    remittance = f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>" if text else ""
    return f"<TxDtls>{refs}{amounts}{parties}{remittance}</TxDtls>"


def prefixed(text: str) -> str:
    named = re.sub(r"<(/?)(?=[A-Z])", r"<\1ns2:", text)
    return named.replace("xmlns=", "xmlns:ns2=")


def one(*args: str, **keywords: Any) -> dict[str, Any]:
    [line] = read(camt(statement(entry(*args, **keywords)))).lines.to_pylist()
    return {**line, "attributes": json.loads(line["attributes"])}


class TestMessages:
    @pytest.mark.parametrize("version", range(1, 14))
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_version_reads_alike(self, kind: str, version: int) -> None:
        status = "<Sts><Cd>BOOK</Cd></Sts>" if version > 7 else "<Sts>BOOK</Sts>"
        parties = PARTIES
        if version > 7:  # parties moved into an element of their own
            parties = parties.replace("<Nm>", "<Pty><Nm>").replace("</Nm>", "</Nm></Pty>")
        found = read(
            camt(
                statement(entry(status=status, details=detail(parties=parties)), kind=kind), kind=kind, version=version
            )
        )
        assert lines(found) == [("2024-01-13", "-6.6", "Tea Ltd")]
        assert (found.format, found.account_number) == ("camt", OWN)

    @pytest.mark.parametrize(
        "dress",
        [
            prefixed,
            lambda text: text[text.index("<Document") :],
            lambda text: "\ufeff\n" + text,
            lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16"),
            lambda text: text.encode("utf-16-be"),
            lambda text: text.replace("Tea", "Té").replace("UTF-8", "ISO-8859-1").encode("latin-1"),
            lambda text: text.replace("Tea", "Té").encode("cp1252"),  # not what it declares
            lambda text: text.replace("?>\n", "?>\n<!-- made by a bank -->\n<?style none?>\n"),
            lambda text: text.replace("<Document", "<BizMsg><AppHdr><To/></AppHdr><Document") + "</BizMsg>",
            lambda text: text.replace("6.60", "<![CDATA[6.60]]>"),
            lambda text: text.replace("\n", "\r\n    "),
        ],
    )
    def test_whatever_it_is_dressed_in(self, dress: Any) -> None:
        found = read(dress(camt(statement(entry(direction="CRDT", details=detail(text="Cups", parties=INWARD))))))
        [(day, amount, text)] = lines(found)
        assert (day, amount, text.replace("é", "ea")) == ("2024-01-13", "6.6", "Tea Ltd  Cups")

    def test_what_it_declares_counts_where_it_is_not_unicode(self) -> None:
        text = camt(statement(entry(details=detail(text="zażółć gęślą")))).replace("UTF-8", "ISO-8859-2")
        assert lines(read(text.encode("iso-8859-2")))[0][2] == "Tea Ltd  zażółć gęślą"
        assert lines(read(text.encode("utf-8")))[0][2] == "Tea Ltd  zażółć gęślą"
        undeclared = text[text.index("<Document") :].encode("iso-8859-2")
        assert lines(read(undeclared, encoding="iso-8859-2"))[0][2] == "Tea Ltd  zażółć gęślą"

    def test_more_lines_than_a_table_may_have_are_no_matter(self) -> None:
        text = camt(statement("\n" * 3_100_000, entry()))
        assert len(read(text).lines) == 1

    def test_balances(self) -> None:
        stated = (
            balance("OPBD", "100", "2024-01-12"),
            balance("CLBD", "93.40", "2024-01-13"),
            balance("CLAV", "1", "2024-01-13"),
        )
        found = read(camt(statement(*stated, entry())))
        assert [(str(each.balance_on), each.amount, each.kind) for each in found.balances] == [
            ("2024-01-12", Decimal(100), "opening"),
            ("2024-01-13", Decimal("93.40"), "closing"),
        ]
        assert found.outside == {"statements": 1, "unproven": 0}

    def test_the_balance_before_opens_where_no_opening_is_stated(self) -> None:
        found = read(camt(statement(balance("PRCD", "5", "2024-01-12", "DBIT"), entry())))
        assert [(each.amount, each.kind) for each in found.balances] == [(Decimal(-5), "opening")]

    def test_a_statement_that_does_not_prove_itself_is_counted(self) -> None:
        stated = balance("OPBD", "100", "2024-01-12") + balance("CLBD", "90", "2024-01-13")
        assert read(camt(statement(stated, entry()))).outside["unproven"] == 1

    def test_of_several_accounts_the_one_with_the_number_is_read(self) -> None:
        both = camt(statement(entry("1.00"), number=OTHER), statement(entry()))
        found = read(both, number=OWN)
        assert [line[1] for line in lines(found)] == ["-6.6"]
        assert [code for _, code in reasons(found)] == ["other_account"]
        assert found.rejected[0].original.startswith("<Ntry>\n<Amt")
        assert found.rejected[0].original.endswith("</Ntry>")

    def test_line_numbers_differ_even_where_all_stands_in_one_line(self) -> None:
        found = read(camt(statement(entry(), entry("x"), entry())).replace("\n", " "))
        assert [line["line_number"] for line in found.lines.to_pylist()] == [1, 3]
        assert reasons(found) == [(2, "bad_amount")]

    def test_a_long_file_is_read_piece_by_piece(self) -> None:
        many = [entry(str(number)) for number in range(1, 5000)]
        found = read(camt(statement(*many, entry("bad", details=detail(text="y" * 100)), *many)))
        assert (len(found.lines), len(found.rejected)) == (9998, 1)
        assert found.rejected[0].original.startswith('<Ntry>\n<Amt Ccy="GBP">bad<')
        assert found.rejected[0].original.endswith("</Ntry>")


class TestEntries:
    def test_parties_accounts_and_references(self) -> None:
        line = one(
            direction="CRDT",
            details=detail(reference="INV-7", text="Invoice 7", parties=INWARD),
            more="<AcctSvcrRef>B1234567</AcctSvcrRef>",
        )
        assert (line["description"], line["merchant"]) == ("Tea Ltd  Invoice 7", "Tea Ltd")
        assert (line["counterparty"], line["reference"], line["provider_id"]) == (OTHER, "INV-7", "B1234567")
        assert (str(line["value_on"]), line["status"]) == ("2024-01-15", "posted")

    def test_a_reversal_keeps_its_direction_and_the_parties_their_roles(self) -> None:
        line = one(direction="CRDT", details=detail(), more="<RvslInd>true</RvslInd>")
        assert (line["amount"], line["attributes"]["RvslInd"]) == (Decimal("6.60"), "true")
        assert line["merchant"] == "Tea Ltd"

    @pytest.mark.parametrize(("closing", "amount"), [("106.60", "6.6"), ("93.40", "-6.6"), ("100", "-6.6")])
    def test_a_reversal_goes_the_way_that_the_balances_prove(self, closing: str, amount: str) -> None:
        """Marked as the debit that it takes back, as some banks do; without a proof the standard counts."""
        stated = balance("OPBD", "100", "2024-01-12") + balance("CLBD", closing, "2024-01-13")
        back = entry("6.60", "DBIT", more="<RvslInd>true</RvslInd>")
        found = read(camt(statement(stated, back, entry("1.00"), entry("1.00", "CRDT"))))
        assert [line[1] for line in lines(found)] == [amount, "-1", "1"]
        assert found.outside["unproven"] == (1 if closing == "100" else 0)

    def test_one_side_in_the_wrong_role_is_told_by_its_account(self) -> None:
        only = PARTIES[PARTIES.index("<Cdtr>") :]
        assert one(direction="CRDT", details=detail(parties=f"<RltdPties>{only}"))["merchant"] == "Tea Ltd"
        ours = only.replace(OTHER, OWN).replace("Tea", "Bright")
        assert one(direction="CRDT", details=detail(parties=f"<RltdPties>{ours}"))["merchant"] is None

    def test_who_is_meant_in_the_end(self) -> None:
        parties = "<RltdPties><Cdtr><Nm>Pay Ltd</Nm></Cdtr><UltmtCdtr><Nm>Shop</Nm></UltmtCdtr></RltdPties>"
        assert one(details=detail(parties=parties))["merchant"] == "Shop"

    def test_what_nobody_provided_is_no_reference(self) -> None:
        line = one(details=detail(reference="NOTPROVIDED"), more="<AcctSvcrRef>NONREF</AcctSvcrRef>")
        assert (line["reference"], line["provider_id"]) == (None, None)

    def test_codes_charges_and_exchange_are_attributes(self) -> None:
        more = "<BkTxCd><Domn><Cd>PMNT</Cd></Domn></BkTxCd>"
        inner = (
            '<AmtDtls><InstdAmt><Amt Ccy="USD">8</Amt><CcyXchg><XchgRate>1.2</XchgRate></CcyXchg></InstdAmt></AmtDtls>'
        )
        found = one(more=more, details=f"<TxDtls>{inner}</TxDtls>")["attributes"]
        assert found == {
            "BkTxCd/Domn/Cd": "PMNT", "AmtDtls/InstdAmt/Amt": "8", "AmtDtls/InstdAmt/Amt@Ccy": "USD",
            "AmtDtls/InstdAmt/CcyXchg/XchgRate": "1.2",
        }  # fmt: skip

    def test_a_merchants_category(self) -> None:
        card = "<CardTx><Tx><MrchntCtgyCd>5812</MrchntCtgyCd></Tx></CardTx>"
        assert one(details=f"<TxDtls>{card}</TxDtls>")["mcc"] == "5812"
        assert one(more=card)["mcc"] == "5812"

    def test_a_long_text_goes_on_in_the_next_field(self) -> None:
        texts = f"<RmtInf><Ustrd>{'a' * 139}b</Ustrd><Ustrd>c</Ustrd><Ustrd>d</Ustrd></RmtInf>"
        assert one(details=f"<TxDtls>{texts}</TxDtls>")["description"] == f"{'a' * 139}bc d"

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("<Sts>PDNG</Sts>", "pending"),
            ("<Sts><Cd>PDNG</Cd></Sts>", "pending"),
            ("<Sts><Cd>FUTR</Cd></Sts>", "pending"),
            ("<Sts><Cd>BOOK</Cd></Sts>", "posted"),
            ("", "posted"),
        ],
    )
    def test_states(self, status: str, state: str) -> None:
        assert one(status=status)["status"] == state

    @pytest.mark.parametrize(
        "written",
        ["2024-01-13", "2024-01-13+14:00", "2024-01-13Z"],
    )
    def test_days_are_the_banks(self, written: str) -> None:
        assert str(one(dates=f"<BookgDt><Dt>{written}</Dt></BookgDt>")["booked_on"]) == "2024-01-13"
        moment = f"<BookgDt><DtTm>{written[:10]}T23:59:59.999-11:00</DtTm></BookgDt>"
        assert str(one(dates=moment)["booked_on"]) == "2024-01-13"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"status": "<Sts>INFO</Sts>"}, "not_booked"),
            ({"dates": ""}, "no_date"),
            ({"dates": "<BookgDt><Dt>2024-02-30</Dt></BookgDt>"}, "bad_date"),
            ({"dates": "<BookgDt><Dt>13.01.2024</Dt></BookgDt>"}, "bad_date"),
            ({"amount": ""}, "no_amount"),
            ({"amount": "6,60"}, "bad_amount"),
            ({"amount": "-6.60"}, "bad_amount"),
            ({"amount": "1e3"}, "bad_amount"),
            ({"amount": "8.85001"}, "too_precise"),
            ({"amount": "1234567890123456.00000000000000000001"}, "too_precise"),
            ({"amount": "1" * 20}, "too_large"),
            ({"direction": ""}, "no_flag"),
            ({"currency": "EUR"}, "other_currency"),
        ],
    )
    def test_says_why_not_and_reads_on(self, change: dict[str, str], reason: str) -> None:
        found = read(camt(statement(entry(**change), entry())))  # type: ignore[arg-type]
        assert [code for _, code in reasons(found)] == [reason]
        assert len(found.lines) == 1

    def test_zeros_beyond_the_currencys_decimals_are_no_precision(self) -> None:
        assert one("8.85000")["amount"] == Decimal("-8.85")


class TestBatches:
    def test_details_that_add_up_are_lines(self) -> None:
        details = detail("1.60", text="One") + detail("5.00", text="Two")
        found = read(camt(statement(entry(details=details, more="<AcctSvcrRef>B1234567</AcctSvcrRef>"))))
        assert [line[1:] for line in lines(found)] == [("-1.6", "Tea Ltd  One"), ("-5", "Tea Ltd  Two")]
        assert found.lines["provider_id"].to_pylist() == ["B1234567/1", "B1234567/2"]
        apart = read(camt(statement(entry(details=details.replace("<TxDtls>", "\n<TxDtls>")))))
        assert apart.lines["line_number"].to_pylist() == [7, 8]  # where each detail stands
        assert found.rows_in == 2

    def test_details_may_go_the_other_way(self) -> None:
        back = detail("1.40").replace("<RltdPties>", "<CdtDbtInd>CRDT</CdtDbtInd><RltdPties>", 1)
        found = read(camt(statement(entry(details=detail("8.00") + back))))
        assert [line[1] for line in lines(found)] == ["-8", "1.4"]

    @pytest.mark.parametrize(
        "details",
        [
            detail("1.60", text="One") + detail("5.01", text="Two"),
            detail("1.60", text="One") + detail(text="Two"),
            detail("1.60", text="One") + detail("5.00", text="Two", currency="EUR"),
        ],
    )
    def test_others_are_one_line(self, details: str) -> None:
        found = read(camt(statement(entry(details=details))))
        assert lines(found) == [("2024-01-13", "-6.6", "Tea Ltd  One; Tea Ltd  Two")]
        assert json.loads(found.lines.to_pylist()[0]["attributes"])["TxDtls"] == "2"


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (camt(), problems.NoStatement),
            (camt(statement(entry()))[:-40], problems.BrokenMarkup),
            (camt(statement(entry())).replace("</Amt>", ""), problems.BrokenMarkup),
            (camt(statement(entry(currency="EUR"))), problems.OtherCurrency),
            (camt(statement(entry()), statement(entry(), number=OTHER)), problems.SeveralAccounts),
            ('<?xml version="1.0"?><Document><CstmrCdtTrfInitn/></Document>', problems.UnknownFormat),
            (camt(statement("<a>" * 100 + "</a>" * 100)), problems.BrokenMarkup),
            (camt(statement(entry())).replace("<Ntry>", f"<!--{'-' * 3_000_000}"), problems.BrokenMarkup),
        ],
    )
    def test_says_why(self, content: str, problem: type[Problem]) -> None:
        with pytest.raises(problem):
            read(content)

    def test_another_accounts_file(self) -> None:
        with pytest.raises(problems.OtherAccount):
            read(camt(statement(entry())), number="99999999")
