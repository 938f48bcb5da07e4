"""MT940 and MT942: every way in which banks write an entry, what proves a statement, and what is refused."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from ai2.ingest import problems
from ai2.ingest.lines import Statement
from ai2.kit.errors import Problem
from tests.ingest.reading import lines, read, reasons

COFFEE = ":61:2401130113D6,60NTRFNONREF//B4G29PGDCK1QFV3E\r\n:86:CARD PAYMENT COFFEE HOUSE"
WAGES = ":61:2401140114C1200,00NTRFSALARY01\r\n:86:WAGES"
SWIFT = "{1:F01BANKGB2LAXXX0000000000}{2:I940CUSTGB2LXXXXN}{3:{108:REF1}}{4:\r\n"


def message(
    *entries: str,
    number: str = "GB29NWBK60161331926819",
    opening: str = "C240112GBP100,00",
    closing: str | None = None,
) -> str:
    fields = [":20:STMT1", f":25:{number}", ":28C:1/1", f":60F:{opening}", *entries]
    return "\r\n".join([*fields, *([f":62F:{closing}"] if closing else []), "-"]) + "\r\n"


def said(narrative: str, *, entry: str = ":61:2401130113D6,60NTRFNONREF", **options: Any) -> dict[str, Any]:
    """The one line of an entry with this field :86:."""
    [line] = read(message(f"{entry}\r\n:86:{narrative}"), **options).lines.to_pylist()
    return {**line, "attributes": json.loads(line["attributes"])}


def one(entry: str, **options: Any) -> dict[str, Any]:
    [line] = read(message(entry), **options).lines.to_pylist()
    return dict(line)


class TestMessages:
    def test_entries_balances_and_whose(self) -> None:
        found = read(message(COFFEE, WAGES, closing="C240114GBP1293,40"))
        assert lines(found) == [("2024-01-13", "-6.6", "CARD PAYMENT COFFEE HOUSE"), ("2024-01-14", "1200", "WAGES")]
        assert (found.format, found.account_number) == ("mt940", "GB29NWBK60161331926819")
        assert [(str(stated.balance_on), stated.amount, stated.kind) for stated in found.balances] == [
            ("2024-01-12", Decimal(100), "opening"),
            ("2024-01-14", Decimal("1293.40"), "closing"),
        ]
        assert found.outside == {"statements": 1, "unproven": 0, "misplaced": 0}

    @pytest.mark.parametrize(
        "dress",
        [
            lambda text: SWIFT + text.rstrip("-\r\n") + "\r\n-}{5:{CHK:000000000000}}",
            lambda text: SWIFT.rstrip() + text.rstrip("-\r\n") + "-}",
            lambda text: "ABNANL2A\r\n940\r\nABNANL2A\r\n" + text,
            lambda text: "0000 01INGBNL2AXXXX00001\r\n940 00\r\n" + text.rstrip("\r\n") + "XXX\r\n",
            lambda text: ":940:\r\n" + text,
            lambda text: text.replace("\r\n", "\n"),
            lambda text: text.replace("\r\n", "\r"),
            lambda text: text.replace("\r\n", "\r\r\n"),
            lambda text: "\ufeff\r\n\r\n" + text,
            lambda text: text.encode("utf-16"),
            lambda text: text.rstrip("-\r\n"),
        ],
    )
    def test_whatever_stands_around_it(self, dress: Any) -> None:
        found = read(dress(message(COFFEE, WAGES, closing="C240114GBP1293,40")))
        assert [line[:2] for line in lines(found)] == [("2024-01-13", "-6.6"), ("2024-01-14", "1200")]
        assert (found.outside["unproven"], len(found.balances)) == (0, 2)

    def test_several_statements_of_one_account_are_one(self) -> None:
        second = message(WAGES, opening="C240113GBP93,40", closing="C240114GBP1293,40")
        found = read(message(COFFEE, closing="C240113GBP93,40") + second)
        assert (len(found.lines), len(found.balances), found.outside["statements"]) == (2, 4, 2)

    def test_pages_are_proved_by_their_own_balances_and_state_none(self) -> None:
        first = message(COFFEE).replace("\r\n-\r\n", "\r\n:62M:C240113GBP93,40\r\n-\r\n")
        second = message(WAGES, closing="C240114GBP1293,40").replace(":60F:C240112GBP100,00", ":60M:C240113GBP93,40")
        found = read(first + second)
        assert [stated.amount for stated in found.balances] == [Decimal(100), Decimal("1293.40")]
        assert found.outside["unproven"] == 0

    def test_a_statement_that_does_not_prove_itself_is_counted(self) -> None:
        assert read(message(COFFEE, closing="C240113GBP90,00")).outside["unproven"] == 1

    @pytest.mark.parametrize(
        "closing", ["C24011493,40", "C240114GBP93.40", "C240114GBP00000093,4", "C240114GBP93,4000"]
    )
    def test_balances_as_banks_write_them(self, closing: str) -> None:
        found = read(message(COFFEE, closing=closing))
        assert (found.balances[1].amount, found.outside["unproven"]) == (Decimal("93.40"), 0)

    @pytest.mark.parametrize("number", ["60161331926819", "GB29 NWBK 6016 1331 9268 19", "31926819"])
    def test_of_several_accounts_the_one_with_the_number_is_read(self, number: str) -> None:
        both = message(WAGES, number="GB94BARC10201530093459") + message(COFFEE)
        found = read(both, number=number)
        assert [line[1] for line in lines(found)] == ["-6.6"]
        assert reasons(found) == [(5, "other_account")]

    @pytest.mark.parametrize(
        ("stated", "own"),
        [
            ("37040044/0532013000", "DE89370400440532013000"),
            ("37040044/532013000EUR", "DE89370400440532013000"),
            ("NDEASESS/12345678901", "12345678901"),
            ("/PL61109010140000071219812874", "PL61109010140000071219812874"),
            ("INGBNL2A/NL69INGB0123456789EUR", "NL69INGB0123456789"),
        ],
    )
    def test_knows_its_account_by_any_name(self, stated: str, own: str) -> None:
        text = message(COFFEE, number=stated, opening="C240112EUR100,00")
        assert len(read(text, number=own, currency="EUR").lines) == 1

    def test_other_currencies_of_the_account_are_left_out(self) -> None:
        both = message(COFFEE) + message(WAGES, opening="C240112EUR1,00")
        assert [code for _, code in reasons(read(both))] == ["other_currency"]


class TestEntries:
    @pytest.mark.parametrize(
        ("head", "booked_on", "value_on", "amount"),
        [
            ("2401130113D6,60NTRFX", "2024-01-13", "2024-01-13", "-6.60"),
            ("240113D6,60NTRFX", "2024-01-13", "2024-01-13", "-6.60"),
            ("2312310102D6,60NTRFX", "2024-01-02", "2023-12-31", "-6.60"),
            ("2401021231C6,NTRFX", "2023-12-31", "2024-01-02", "6"),
            ("2402280229C,6NTRFX", "2024-02-29", "2024-02-28", "0.6"),
            ("2401130113DP6,60FMSCX", "2024-01-13", "2024-01-13", "-6.60"),
            ("2401130113CP000000000006,60S103X", "2024-01-13", "2024-01-13", "6.60"),
            ("2401130113RC6,60NTRFX", "2024-01-13", "2024-01-13", "-6.60"),
            ("2401130113RDP6,60NTRFX", "2024-01-13", "2024-01-13", "6.60"),
            ("991231D6,60NTRFX", "1999-12-31", "1999-12-31", "-6.60"),
            ("2401130113D\r\n6,60NTRFX", "2024-01-13", "2024-01-13", "-6.60"),
            ("2401130113D6.60NTRFX", "2024-01-13", "2024-01-13", "-6.60"),
            ("2401130113D6,60", "2024-01-13", "2024-01-13", "-6.60"),
            ("2401130113DP6,60S   X", "2024-01-13", "2024-01-13", "-6.60"),
            ("2401130113D6,60NMSC341241773/1XXXXX//O/341241774", "2024-01-13", "2024-01-13", "-6.60"),
            ("2401130113D6,60NTRFBIPI-dvT1FzfMqvzF5HaU4//2022070616391534000", "2024-01-13", "2024-01-13", "-6.60"),
        ],
    )
    def test_days_and_amounts(self, head: str, booked_on: str, value_on: str, amount: str) -> None:
        line = one(f":61:{head}")
        assert (str(line["booked_on"]), str(line["value_on"])) == (booked_on, value_on)
        assert line["amount"] == Decimal(amount)
        assert line["status"] == "posted"

    def test_references(self) -> None:
        line = one(":61:2401130113D6,60NCHK000123//B4G29PGDCK1QFV3E\r\n/OCMT/USD8,00/")
        assert (line["reference"], line["provider_id"]) == ("000123", "B4G29PGDCK1QFV3E")
        assert json.loads(line["attributes"])["supplementary"] == "/OCMT/USD8,00/"
        assert one(":61:2401130113D6,60NTRFNONREF//NONREF")["reference"] is None
        assert one(":61:2401130113D6,60NTRFNONREF//55555")["provider_id"] is None  # every entry's may be that

    def test_what_is_expected_is_pending(self) -> None:
        assert one(":61:2401130113ED6,60NTRFX")["status"] == "pending"

    @pytest.mark.parametrize(
        ("head", "reason"),
        [
            ("2413130113D6,60NTRFX", "bad_date"),
            ("2302290113D6,60NTRFX", "bad_date"),
            ("2401130230D6,60NTRFX", "bad_date"),
            ("X", "bad_date"),
            ("2401130113X6,60NTRFX", "no_flag"),
            ("2401130113DNTRFX", "no_amount"),
            ("2401130113D6,6,0NTRFX", "bad_amount"),
            ("2401130113D1,0x0NTRFX", "bad_amount"),
            ("2401130113D1.234NTRFX", "bad_amount"),
            ("2401130113D1.234,00NTRFX", "bad_amount"),
            ("2401130113D,NTRFX", "bad_amount"),
            ("2401130113D6,605NTRFX", "too_precise"),
            ("2401130113D99999999999999999,00NTRFX", "too_large"),
            ("2401130113D1234567890123456,0000000000000000001NTRFX", "too_precise"),
        ],
    )
    def test_says_why_not_and_reads_on(self, head: str, reason: str) -> None:
        found = read(message(f":61:{head}\r\n:86:BAD", COFFEE))
        assert reasons(found) == [(5, reason)]
        assert found.rejected[0].original == f":61:{head}\n:86:BAD".replace("\r", "")
        assert [line[1] for line in lines(found)] == ["-6.6"]

    def test_an_entry_in_which_the_file_ends_is_cut_off(self) -> None:
        assert reasons(read(message(COFFEE).replace("-\r\n", ":61:2401130113D12"))) == [(7, "cut_off")]

    def test_decimals_are_the_currencys(self) -> None:
        yen = message(":61:2401130113D660,NTRFX", opening="C240112JPY1000,")
        assert lines(read(yen, currency="JPY"))[0][1] == "-660"


class TestNarratives:
    def test_sepa_words_of_german_banks(self) -> None:
        line = said(
            "106?00KARTENZAHLUNG?109248?20EREF+30054711214710511601231?212300?22MREF+OFFLINE"
            "?23CRED+DE11ZZZ00000000000?24SVWZ+Rechnung 4711 vom 12.?2501.24?26ABWA+Anna Beispiel"
            "?30COBADEFFXXX?31DE02120300000000202051?32Buchhandlung am Rathausplat?33z GmbH?34011"
        )
        assert line["description"] == "Buchhandlung am Rathausplatz GmbH  Rechnung 4711 vom 12.01.24"
        assert (line["merchant"], line["counterparty"]) == (
            "Buchhandlung am Rathausplatz GmbH",
            "DE02120300000000202051",
        )
        assert line["reference"] == "300547112147105116012312300"
        assert line["attributes"] == {
            "type": "NTRF", "transaction_code": "106", "posting_text": "KARTENZAHLUNG", "prima_nota": "9248",
            "bank_code": "COBADEFFXXX", "text_key": "011", "end_to_end_id": "300547112147105116012312300",
            "mandate_id": "OFFLINE", "creditor_id": "DE11ZZZ00000000000", "other_debtor": "Anna Beispiel",
        }  # fmt: skip

    @pytest.mark.parametrize("sign", ["?", ">", "~", "<", "^", "@", "|"])
    def test_subfields_behind_any_sign(self, sign: str) -> None:
        text = "020?00PRZELEW?20FAKTURA 1?21ZA STYCZEN?32JAN KOWALSKI?38PL61109010140000071219812874"
        line = said(text.replace("?", sign))
        assert line["description"] == "JAN KOWALSKI  FAKTURA 1 ZA STYCZEN"
        assert line["counterparty"] == "PL61109010140000071219812874"

    def test_what_is_cut_at_65_is_put_together(self) -> None:
        text = "166?00GUTSCHRIFT?20SVWZ+Rechnung Nummer 20240113?21-77 Danke?32Fa"
        assert len(text) == 65
        assert said(text + "\r\nmilie Muster")["merchant"] == "Familie Muster"

    def test_code_words_of_dutch_banks(self) -> None:
        line = said(
            "/TRTP/SEPA OVERBOEKING/IBAN/NL02ABNA0123456789/BIC/ABNANL2A/NAME/"
            "\r\nJ. DE VRIES/REMI/HUUR JANUARI/EREF/E2E-1"
        )
        assert line["description"] == "J. DE VRIES  HUUR JANUARI"
        assert (line["counterparty"], line["reference"]) == ("NL02ABNA0123456789", "E2E-1")

    def test_the_counterparty_of_ing(self) -> None:
        line = said("/EREF/E2E-2//CNTP/NL32INGB0000012345/INGBNL2A/Bakker BV/ROTTERDAM//REMI/USTD//Factuur 7/")
        assert (line["merchant"], line["counterparty"]) == ("Bakker BV", "NL32INGB0000012345")
        assert (line["description"], line["reference"]) == ("Bakker BV  Factuur 7", "E2E-2")

    def test_the_parties_of_rabobank(self) -> None:
        entry = ":61:240113D000000000006,60N102EREF\r\nNL70ABNA0987654321"
        line = said("/EREF/13-01-2024 12:00/BENM//NAME/BLOEMEN & CO/REMI/Boeket/ISDT/2024-01-13", entry=entry)
        assert (line["merchant"], line["counterparty"]) == ("BLOEMEN & CO", "NL70ABNA0987654321")
        assert line["description"] == "BLOEMEN & CO  Boeket"

    def test_plain_text_with_an_account_in_it(self) -> None:
        line = said(
            "SEPA OVERBOEKING                 IBAN: NL02ABNA0123456789        "
            "\r\nBIC: ABNANL2A  NAAM: KAPSALON ANNA  OMSCHRIJVING: KNIPPEN"
        )
        assert line["counterparty"] == "NL02ABNA0123456789"
        assert line["merchant"] == "KAPSALON ANNA"

    def test_numbered_lines_of_older_german_banks(self) -> None:
        entry = (
            ":61:240113DP6,60S051\r\n:NS:01Miete\r\n02Januar\r\n15Hausverwaltung\r\n17DAUERAUFTRAG\r\n1812345\r\n191000"
        )
        line = one(entry)
        assert (line["description"], line["merchant"]) == ("Hausverwaltung  Miete Januar", "Hausverwaltung")
        assert json.loads(line["attributes"])["posting_text"] == "DAUERAUFTRAG"

    def test_several_fields_are_one_narrative(self) -> None:
        assert said("FIRST PART\r\n:86:SECOND PART")["description"] == "FIRST PART SECOND PART"

    def test_a_narrative_of_the_statement_is_no_entrys(self) -> None:
        found = read(message(COFFEE, closing="C240113GBP93,40").replace("\r\n-\r\n", "\r\n:86:ADVERT\r\n-\r\n"))
        assert lines(found)[0][2] == "CARD PAYMENT COFFEE HOUSE"

    def test_without_words_the_kind_describes_it(self) -> None:
        assert one(":61:2401130113D6,60NCHGNONREF")["description"] == "NCHG"


INTERIM = (
    ":20:INTERIM\r\n:25:GB29NWBK60161331926819\r\n:28C:1/1\r\n:34F:GBPD0,00\r\n:34F:GBPC0,00\r\n"
    f":13D:2401131200+0100\r\n{COFFEE}\r\n{WAGES}\r\n:90D:1GBP6,60\r\n:90C:1GBP1200,00\r\n-\r\n"
)


class TestInterim:
    def test_entries_are_pending(self) -> None:
        found = read(INTERIM)
        assert found.lines["status"].to_pylist() == ["pending", "pending"]
        assert (found.balances, found.outside["unproven"]) == ((), 0)

    @pytest.mark.parametrize(("old", "new"), [(":90D:1", ":90D:2"), ("1200,00\r\n-", "1200,01\r\n-")])
    def test_numbers_and_sums_are_checked(self, old: str, new: str) -> None:
        assert read(INTERIM.replace(old, new)).outside["unproven"] == 1

    def test_an_empty_report_is_read(self) -> None:
        text = INTERIM.replace(COFFEE, "").replace(WAGES, "").replace("1GBP6,60", "0GBP0,").replace("1GBP1200", "0GBP0")
        assert read(text).rows_in == 0


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (":20:ONLY A REFERENCE\r\n", problems.NoStatement),
            (message(COFFEE, opening="C240112EUR1,00"), problems.OtherCurrency),
            (message(COFFEE) + message(WAGES, number="GB94BARC10201530093459"), problems.SeveralAccounts),
        ],
    )
    def test_says_why(self, content: str, problem: type[Problem]) -> None:
        with pytest.raises(problem):
            read(content)

    def test_another_accounts_file(self) -> None:
        with pytest.raises(problems.OtherAccount):
            read(message(COFFEE), number="99999999")


@pytest.mark.parametrize("sign", ["\r", " ", "9", ",", "{", "?20", ":86:", "/NAME/", "-", "IBAN "])
def test_no_run_of_one_sign_takes_long(sign: str) -> None:
    """A second or two at most: what takes time in the square of the length would take hours."""
    run = sign * 200_000
    for content in (run, f":20:\r\n{run}", message(f":61:{run}"), message(f"{COFFEE}{run}"), message(f":60F:{run}")):
        with suppress(Problem):
            read(content)


def test_every_row_is_counted() -> None:
    found: Statement = read(message(COFFEE, ":61:X", WAGES, ":61:2401130113D1,0x0"))
    assert (found.rows_in, len(found.lines)) == (4, 2)
