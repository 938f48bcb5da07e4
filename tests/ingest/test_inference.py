"""Inference: each decision about a file is proved by its cells, asked, or overridden; never guessed."""

import pytest

from ai2.ingest.problems import MappingDoesNotFit, NeedsAnswer, OtherCurrency, SeveralAccounts
from tests.ingest.reading import amounts, asked, lines, read

SIGNED = "Date,Description,Amount\n2024-01-15,Coffee,-4.50\n2024-01-16,Rent,-900\n2024-01-31,Salary,2500.00\n"
POSITIVE = "Date,Description,Amount\n2024-01-15,Coffee,4.50\n2024-01-16,Rent,900.00\n"
AMBIGUOUS_DATES = "Date,Description,Amount\n03/04/2024,Coffee,-4.50\n05/06/2024,Rent,-900.00\n"
THOUSANDS = "Date;Description;Amount\n2024-01-15;Machine;-14.000\n2024-01-16;Car;-2.500\n"


class TestSign:
    def test_more_below_zero_than_above_is_the_banks_convention(self) -> None:
        assert [str(amount) for amount in amounts(read(SIGNED))] == ["-4.5000", "-900.0000", "2500.0000"]

    def test_asks_where_nothing_is_below_zero(self) -> None:
        assert asked(POSITIVE) == {"positive_is"}

    def test_asks_where_few_are_below_zero(self) -> None:
        """A card's spending with a refund in it, or a shop's takings with a fee: the file does not say."""
        assert asked(POSITIVE + "2024-01-17,Refund,-3.00\n") == {"positive_is"}

    @pytest.mark.parametrize(("answer", "expected"), [("in", "4.5"), ("out", "-4.5")])
    def test_the_answer_decides(self, answer: str, expected: str) -> None:
        assert lines(read(POSITIVE, positive_is=answer))[0][1] == expected

    def test_an_answer_overrides_the_convention(self) -> None:
        assert lines(read(SIGNED, positive_is="out"))[0][1] == "4.5"

    @pytest.mark.parametrize(("balances", "expected"), [(("95.50", "-804.50"), "-4.5"), (("104.50", "1004.50"), "4.5")])
    def test_a_running_balance_proves_it(self, balances: tuple[str, str], expected: str) -> None:
        first, second = balances
        text = f"Date,Description,Amount,Balance\n2024-01-15,Coffee,4.50,{first}\n2024-01-16,Rent,900.00,{second}\n"
        assert lines(read(text))[0][1] == expected

    def test_the_proof_reads_upwards_too(self) -> None:
        text = "Date,Text,Amount,Balance\n2024-01-16,Rent,900.00,-804.50\n2024-01-15,Coffee,4.50,95.50\n"
        assert lines(read(text))[0][1] == "-900"

    def test_the_proof_bears_balances_that_are_stated_once_a_day(self) -> None:
        text = (
            "Date,Text,Amount,Balance\n2024-01-15,A,5.00,100.00\n2024-01-16,B,5.00,\n2024-01-16,C,7.00,88.00\n"
            "2024-01-17,D,8.00,80.00\n"
        )
        assert lines(read(text))[0][1] == "-5"

    def test_a_cards_balance_may_be_what_is_owed_and_proves_nothing(self) -> None:
        text = "Date,Text,Amount,Balance\n2024-01-15,A,5.00,105.00\n2024-01-16,B,6.00,111.00\n"
        assert asked(text, kind="card") == {"positive_is"}

    @pytest.mark.parametrize(
        "header",
        ["Paid out,Paid in", "Debit,Credit", "Withdrawals,Deposits", "Soll,Haben", "Débit,Crédit", "Uscite,Entrate"],
    )
    def test_two_columns_need_no_sign(self, header: str) -> None:
        text = f"Date,Description,{header}\n2024-01-15,Coffee,4.50,\n2024-01-16,Salary,,900.00\n"
        assert [line[1] for line in lines(read(text))] == ["-4.5", "900"]

    def test_a_debit_column_may_write_its_minus(self) -> None:
        text = "Datum;Tekst;debet;credit\n2024-01-15;Koffie;-4,50;\n2024-01-16;Loon;;900,00\n"
        assert [line[1] for line in lines(read(text))] == ["-4.5", "900"]

    def test_a_debit_column_with_both_signs_is_asked_about(self) -> None:
        text = "Date,Text,Debit,Credit\n2024-01-15,A,4.50,\n2024-01-16,B,-4.50,\n2024-01-17,C,,1\n"
        assert asked(text) == {"positive_is"}
        assert [line[1] for line in lines(read(text, positive_is="out"))] == ["-4.5", "4.5", "1"]

    @pytest.mark.parametrize(
        ("out", "into"), [("D", "C"), ("DR", "CR"), ("Debit", "Credit"), ("S", "H"), ("Af", "Bij"), ("D", "K")]
    )
    def test_flags_need_no_sign(self, out: str, into: str) -> None:
        text = f"Date;Text;Amount;Debit/Credit\n2024-01-15;A;4.50;{out}\n2024-01-16;B;9.00;{into}\n"
        assert [line[1] for line in lines(read(text))] == ["-4.5", "9"]

    def test_flags_that_only_repeat_the_sign_change_nothing(self) -> None:
        text = "Date;Text;Amount;D/C\n2024-01-15;A;-4.50;D\n2024-01-16;B;9.00;C\n"
        assert [line[1] for line in lines(read(text))] == ["-4.5", "9"]

    def test_flags_that_contradict_the_signs_are_asked_about(self) -> None:
        text = "Date;Text;Amount;D/C\n2024-01-15;A;-4.50;D\n2024-01-16;B;9.00;C\n2024-01-17;C;-3.00;C\n"
        assert asked(text) == {"positive_is"}
        assert [line[1] for line in lines(read(text, positive_is="in"))] == ["-4.5", "9", "-3"]

    def test_where_only_credits_are_marked_the_rest_is_money_out(self) -> None:
        text = "Date,Text,Amount\n2024-01-15,A,4.50\n2024-01-16,Payment,100.00 CR\n"
        assert [line[1] for line in lines(read(text))] == ["-4.5", "100"]

    def test_a_file_without_any_mark_is_read_as_the_files_with_marks_before(self) -> None:
        layout = read("Date,Text,Amount\n2024-01-15,A,4.50\n2024-01-16,Payment,100.00 CR\n").layout
        assert layout is not None
        assert lines(read("Date,Text,Amount\n2024-02-15,A,4.50\n", saved=(layout,)))[0][1] == "-4.5"

    def test_amounts_beyond_what_fits_64_bits_keep_their_sign(self) -> None:
        text = "Date,Text,Debit,Credit\n2024-01-15,A,1234567890123456.78,\n2024-01-16,B,,900.00\n"
        assert [line[1] for line in lines(read(text))] == ["-1234567890123456.78", "900"]


class TestDateOrder:
    def test_asks_where_every_day_could_be_a_month(self) -> None:
        assert asked(AMBIGUOUS_DATES) == {"date_order"}

    @pytest.mark.parametrize(("answer", "expected"), [("dmy", "2024-04-03"), ("mdy", "2024-03-04")])
    def test_the_answer_decides(self, answer: str, expected: str) -> None:
        assert lines(read(AMBIGUOUS_DATES, date_order=answer))[0][0] == expected

    def test_one_day_above_twelve_decides_for_the_rows_before_it(self) -> None:
        text = AMBIGUOUS_DATES + "13/06/2024,Bus,-2.00\n"
        assert [line[0] for line in lines(read(text))] == ["2024-04-03", "2024-06-05", "2024-06-13"]

    def test_another_date_column_of_the_file_decides_too(self) -> None:
        text = "Date,Value date,Text,Amount\n03/04/2024,13/04/2024,A,-1.00\n"
        assert lines(read(text))[0][0] == "2024-04-03"

    def test_asks_where_the_column_contradicts_itself(self) -> None:
        text = "Date,Text,Amount\n13/06/2024,A,-1.00\n06/13/2024,B,-1.00\n"
        assert asked(text) == {"date_order"}
        found = read(text, date_order="dmy")
        assert [(line[0]) for line in lines(found)] == ["2024-06-13"]
        assert [rejected.reason.value for rejected in found.rejected] == ["bad_date"]


class TestDecimalMark:
    def test_asks_where_a_mark_could_be_either(self) -> None:
        assert asked(THOUSANDS) == {"decimal_mark"}

    @pytest.mark.parametrize(("answer", "expected"), [(".", "-14"), (",", "-14000")])
    def test_the_answer_decides(self, answer: str, expected: str) -> None:
        assert lines(read(THOUSANDS, decimal_mark=answer))[0][1] == expected

    def test_another_money_column_decides_too(self) -> None:
        text = "Date;Text;Amount;Balance\n2024-01-15;A;-14.000;1.250,50\n"
        assert lines(read(text))[0][1] == "-14000"

    def test_asks_where_the_column_contradicts_itself(self) -> None:
        assert asked("Date;Text;Amount\n2024-01-15;A;-1.50\n2024-01-16;B;-1,50\n") == {"decimal_mark"}


class TestCurrency:
    @pytest.mark.parametrize(
        "text",
        [
            "Date,Text,Amount,Currency\n2024-01-15,A,-1.00,EUR\n",
            "Date,Text,Amount (EUR)\n2024-01-15,A,-1.00\n",
            "date,text,amount_eur\n2024-01-15,A,-1.00\n",
            "Date,Text,Amount\n2024-01-15,A,-1.00 €\n",
            "Date,Text,Amount\n2024-01-15,A,EUR -1.00\n",
            "Date,Text,Withdrawals (EUR),Deposits (EUR)\n2024-01-15,A,1.00,\n",
        ],
    )
    def test_a_file_of_another_currency_is_refused(self, text: str) -> None:
        with pytest.raises(OtherCurrency):
            read(text, currency="GBP")
        assert lines(read(text, currency="EUR"))[0][1] == "-1"

    def test_a_person_may_not_call_it_another(self) -> None:
        with pytest.raises(OtherCurrency):
            read(SIGNED, currency="GBP", said_currency="EUR")

    def test_a_withdrawn_currency_is_another_currency(self) -> None:
        with pytest.raises(OtherCurrency):
            read("Date,Text,Amount,Currency\n2014-01-15,A,-1.00,LTL\n", currency="EUR")

    def test_the_original_amount_is_not_the_accounts(self) -> None:
        text = "Date,Text,Amount,Currency,Local amount,Local currency\n2024-01-15,A,-1.00,GBP,-1.20,EUR\n"
        assert lines(read(text))[0][1] == "-1"

    def test_the_amount_in_the_accounts_currency_is_the_one(self) -> None:
        text = "Date,Text,Amount (EUR),Amount (GBP)\n2024-01-15,A,-1.20,-1.00\n2024-01-16,B,-2.40,-2.00\n"
        assert [line[1] for line in lines(read(text))] == ["-1", "-2"]


class TestColumns:
    @pytest.mark.parametrize(
        "header",
        [
            "Date,Description,Amount", "Buchungstag,Verwendungszweck,Betrag", "Date,Libellé,Montant",
            "Datum,Omschrijving,Bedrag", "Fecha,Concepto,Importe", "Datum,Popis,Částka", "Data,Descrizione,Importo",
            "Data,Opis,Kwota", "Bokföringsdag,Rubrik,Belopp", "Dato,Tekst,Beløb", "Data,Descrição,Valor",
            "Tranzakció dátuma,Közlemény,Összeg", "Pvm,Viesti,Määrä",
        ],
    )  # fmt: skip
    def test_headers_of_many_languages(self, header: str) -> None:
        text = f"{header}\n2024-01-15,Coffee,-4.50\n2024-01-16,Tea,-3.00\n"
        assert lines(read(text))[0] == ("2024-01-15", "-4.5", "Coffee")

    def test_a_header_in_an_unknown_language(self) -> None:
        text = "päiväys?,mitä,paljonko\n2024-01-15,Coffee shop,-4.50\n2024-01-16,Tea room,-3.00\n"
        assert lines(read(text))[0] == ("2024-01-15", "-4.5", "Coffee shop")

    def test_no_header_at_all(self) -> None:
        found = read("2024-01-15,Coffee shop,-4.50\n2024-01-16,Tea room,-3.00\n")
        assert found.layout is not None
        assert (found.layout.header, lines(found)[0]) == ((), ("2024-01-15", "-4.5", "Coffee shop"))

    def test_without_a_header_the_sorted_date_is_the_booking_date(self) -> None:
        text = "".join(f"2024-01-{day},2024-01-{value},A,-{day}.00\n" for day, value in ((15, 14), (16, 10), (17, 16)))
        assert [line[0] for line in lines(read(text))] == ["2024-01-15", "2024-01-16", "2024-01-17"]

    def test_without_a_header_two_sorted_dates_are_asked_about(self) -> None:
        text = "".join(f"2024-01-{day},2024-01-{day - 1},A,-{day}.00\n" for day in (15, 16, 17))
        assert asked(text) == {"mapping.date"}
        assert lines(read(text, mapping={"date": 2}))[0][0] == "2024-01-14"

    def test_without_a_header_the_running_sum_is_the_balance(self) -> None:
        text = "2024-01-15,A,5.00,105.00\n2024-01-16,B,-7.00,98.00\n2024-01-17,C,1.00,99.00\n"
        assert [line[1] for line in lines(read(text))] == ["5", "-7", "1"]

    def test_without_a_header_debit_and_credit_are_asked_about(self) -> None:
        text = "2024-01-15,A,5.00,\n2024-01-16,B,,7.00\n"
        assert asked(text) == {"mapping.debit", "mapping.credit"}
        found = read(text, mapping={"debit": 3, "credit": 4})
        assert [line[1] for line in lines(found)] == ["-5", "7"]

    def test_two_amounts_that_could_be_meant_are_asked_about(self) -> None:
        text = "Date,Text,Amount 1,Amount 2\n2024-01-15,A,-5.00,-6.00\n2024-01-16,B,-7.00,-8.00\n"
        assert asked(text) == {"mapping.amount"}

    def test_a_mapping_overrides_the_words(self) -> None:
        text = "Date,Description,Amount,Other\n2024-01-15,A,-5.00,-6.00\n"
        assert lines(read(text, mapping={"amount": "Other"}))[0][1] == "-6"

    def test_a_mapping_to_no_column_is_refused(self) -> None:
        with pytest.raises(MappingDoesNotFit):
            read(SIGNED, mapping={"amount": "Nothing"})

    def test_what_has_no_place_stays_as_attributes(self) -> None:
        text = "Date,Merchant,Amount,VAT code,Balance\n2024-01-15,Café,-5.00,VR,95.00\n2024-01-16,B,-1.00,,\n"
        found = read(text).lines.to_pylist()
        assert [line["attributes"] for line in found] == ['{"VAT code": "VR", "Balance": "95.00"}', "{}"]
        assert found[0]["merchant"] == "Café"

    def test_several_text_columns_make_one_description(self) -> None:
        text = "Date;Buchungstext;Verwendungszweck;Betrag\n2024-01-15;Lastschrift;Strom Mai;-5,00\n"
        assert lines(read(text, currency="EUR"))[0][2] == "Lastschrift Strom Mai"

    def test_lines_that_continue_a_description_belong_to_it(self) -> None:
        text = "Date,Description,Amount\n2024-01-15,DEBIT PURCHASE,-5.00\n,UBER EATS,\n2024-01-16,FEE,-1.00\n"
        found = read(text)
        assert [line[2] for line in lines(found)] == ["DEBIT PURCHASE  UBER EATS", "FEE"]
        assert found.outside["continuation"] == 1

    def test_rows_of_several_accounts_are_not_mixed(self) -> None:
        text = (
            "IBAN,Date,Description,Amount\nNL91ABNA0417164300,2024-01-15,A,-5.00\n"
            "NL20INGB0001234567,2024-01-15,B,-6.00\n"
        )
        with pytest.raises(SeveralAccounts):
            read(text, currency="EUR")
        found = read(text, currency="EUR", number="NL91 ABNA 0417 1643 00")
        assert [line[2] for line in lines(found)] == ["A"]
        assert [rejected.reason.value for rejected in found.rejected] == ["other_account"]


class TestQuestions:
    def test_all_are_asked_at_once_with_the_columns_seen(self) -> None:
        text = "Date,Description,Amount\n03/04/2024,A,14.000\n"
        with pytest.raises(NeedsAnswer) as refusal:
            read(text)
        assert [question.field for question in refusal.value.questions] == ["date_order", "decimal_mark", "positive_is"]
        assert [column.role for column in refusal.value.columns] == ["date", "description", "amount"]
        assert refusal.value.extra["layout"]["columns"] == {"date": [1], "description": [2], "amount": [3]}
        assert refusal.value.status == 422
        assert refusal.value.code == "needs_answer"

    def test_all_answers_at_once_are_enough(self) -> None:
        text = "Date,Description,Amount\n03/04/2024,A,14.000\n"
        found = read(text, date_order="mdy", decimal_mark=",", positive_is="out")
        assert lines(found) == [("2024-03-04", "-14000", "A")]


class TestSavedLayout:
    def test_an_answer_serves_the_next_file(self) -> None:
        first = read(POSITIVE, positive_is="out")
        assert first.layout is not None
        assert lines(read(POSITIVE, saved=(first.layout,)))[0][1] == "-4.5"

    def test_survives_json(self) -> None:
        layout = read(POSITIVE, positive_is="out").layout
        assert layout is not None
        assert type(layout).model_validate_json(layout.model_dump_json()) == layout

    def test_a_file_with_another_header_is_not_read_by_it(self) -> None:
        layout = read(POSITIVE, positive_is="out").layout
        assert layout is not None
        other = POSITIVE.replace("Description", "Details")
        assert asked(other, saved=(layout,)) == {"positive_is"}

    @pytest.mark.parametrize(
        ("first", "answers", "following", "field"),
        [
            (AMBIGUOUS_DATES, {"date_order": "dmy"}, AMBIGUOUS_DATES + "06/13/2024,Bus,-2.00\n", "date_order"),
            (THOUSANDS, {"decimal_mark": ","}, THOUSANDS + "2024-01-17;Bus;-2.50\n", "decimal_mark"),
        ],
    )
    def test_a_file_that_contradicts_it_is_asked_about(
        self, first: str, answers: dict[str, str], following: str, field: str
    ) -> None:
        layout = read(first, **answers).layout
        assert layout is not None
        assert asked(following, saved=(layout,)) == {field}

    def test_a_balance_that_contradicts_it_is_asked_about(self) -> None:
        header = "Date,Description,Amount,Balance\n"
        layout = read(header + "2024-01-15,A,4.50,\n", positive_is="in").layout
        assert layout is not None
        falling = header + "2024-01-15,A,4.50,100.00\n2024-01-16,B,10.00,90.00\n"
        assert asked(falling, saved=(layout,)) == {"positive_is"}

    def test_a_person_overrides_it(self) -> None:
        layout = read(POSITIVE, positive_is="out").layout
        assert layout is not None
        assert lines(read(POSITIVE, saved=(layout,), positive_is="in"))[0][1] == "4.5"


class TestFees:
    CHARGED = "Date,Description,Amount,Fee\n2024-01-15,Rent,-50.00,0.30\n2024-01-16,Coffee,-4.50,0.00\n"

    @pytest.mark.parametrize(("answer", "expected"), [("apart", "-50.3"), ("within", "-50")])
    def test_asks_whether_a_fee_is_in_the_amount(self, answer: str, expected: str) -> None:
        assert asked(self.CHARGED) == {"fees_are"}
        assert lines(read(self.CHARGED, fees_are=answer))[0][1] == expected

    def test_the_answer_is_kept(self) -> None:
        first = read(self.CHARGED, fees_are="apart")
        assert first.layout is not None
        assert lines(read(self.CHARGED, saved=(first.layout,)))[0][1] == "-50.3"

    def test_balances_that_contradict_what_was_kept_are_asked_about(self) -> None:
        text = "Date,Description,Amount,Fee,Balance\n2024-01-15,A,-5.00,0.00,95.00\n2024-01-16,B,-5.00,1.00,"
        first = read(f"{text}89.00\n")
        assert first.layout is not None
        assert (first.layout.fees_are, lines(first)[1][1]) == ("apart", "-6")
        assert asked(f"{text}90.00\n", saved=(first.layout,)) == {"fees_are"}

    def test_a_fee_is_paid_whatever_its_sign(self) -> None:
        text = "Date,Description,Amount,Fee\n2024-01-15,Rent,50.00,-0.30\n2024-01-16,Coffee,4.50,0.00\n"
        assert [line[1] for line in lines(read(text, fees_are="apart", positive_is="out"))] == ["-50.3", "-4.5"]

    @pytest.mark.parametrize("order", [("Gross", "Net"), ("Net", "Gross"), ("Amount", "Paid to us")])
    def test_what_a_fee_leaves_reached_the_account(self, order: tuple[str, str]) -> None:
        cells = {"Gross": ("100.00", "-20.00"), "Net": ("96.80", "-20.00")}
        cells |= {"Amount": cells["Gross"], "Paid to us": cells["Net"]}
        rows = [
            f"2024-01-{15 + row},A,{cells[order[0]][row]},{('3.20', '0.00')[row]},{cells[order[1]][row]}"
            for row in (0, 1)
        ]
        text = "\n".join([f"Date,Text,{order[0]},Fee,{order[1]}", *rows, ""])
        assert [line[1] for line in lines(read(text))] == ["96.8", "-20"]


class TestCredits:
    OWED = "Date,Description,Debit,Credit\n2024-01-15,Shop,5.00,\n2024-01-16,Payment,,-50.00\n"

    def test_a_credit_below_zero_beside_debits_above_came_in(self) -> None:
        assert [line[1] for line in lines(read(self.OWED, kind="card"))] == ["-5", "50"]

    def test_the_balance_decides_first(self) -> None:
        text = "Date,Text,Debit,Credit,Balance\n2024-01-15,A,5.00,,95.00\n2024-01-16,Taken back,,-50.00,45.00\n"
        assert [line[1] for line in lines(read(text))] == ["-5", "-50"]

    def test_a_later_file_that_writes_them_above_zero_is_asked_about(self) -> None:
        first = read(self.OWED, kind="card")
        assert first.layout is not None
        other = self.OWED.replace("-50.00", "50.00")
        assert asked(other, kind="card", saved=(first.layout,)) == {"positive_is"}
