"""JSON: numbers exact, feeds told by their names, anything else read by the layouts of delimited text."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai2.ingest import problems
from ai2.kit.errors import Problem
from tests.ingest.reading import amounts, asked, lines, read, reasons

TEA = '{"date": "2025-01-13", "amount": -12.34, "currency": "GBP", "description": "Tea", "id": "a1"}\n'
PLAID = {
    "transaction_id": "t1",
    "account_id": "a",
    "amount": 12.34,
    "date": "2025-01-13",
    "iso_currency_code": "GBP",
    "name": "TEA HOUSE 12",
    "merchant_name": "Tea House",
    "pending": False,
    "pending_transaction_id": "t0",
    "personal_finance_category": {"primary": "FOOD_AND_DRINK", "detailed": "FOOD_AND_DRINK_COFFEE"},
    "location": {},
}
GOCARDLESS = {
    "internalTransactionId": "i1",
    "bookingDate": "2025-01-13",
    "valueDate": "2025-01-14",
    "transactionAmount": {"amount": "-328.18", "currency": "GBP"},
    "remittanceInformationUnstructured": "Rent",
    "creditorName": "Landlord",
    "creditorAccount": {"iban": "GB33 BUKB 2020 1555 5555 55"},
    "bankTransactionCode": "PMNT",
}


class TestOurs:
    def test_every_name_has_its_place(self) -> None:
        row = {
            "date": "2025-01-13", "amount": "-12.34", "currency": "GBP", "description": "Tea", "merchant": "Tea House",
            "reference": "R1", "id": "a1", "pending": True, "pending_id": "p1", "mcc": 5812,
            "value_date": "2025-01-14", "counterparty": "GB33 BUKB", "balance": 100.5, "attributes": {"tag": 1.50},
        }  # fmt: skip
        found = read(json.dumps(row))
        [line] = found.lines.to_pylist()
        assert line == {
            "line_number": 1, "booked_on": date(2025, 1, 13), "amount": Decimal("-12.34"), "currency": "GBP",
            "description": "Tea", "merchant": "Tea House", "reference": "R1", "mcc": "5812", "provider_id": "a1",
            "pending_id": "p1", "status": "pending", "value_on": date(2025, 1, 14), "counterparty": "GB33BUKB",
            "balance": Decimal("100.5"), "attributes": '{"tag": "1.5"}',
        }  # fmt: skip
        assert found.ids_are_stable

    def test_numbers_are_never_floats(self) -> None:
        exact = TEA.replace("-12.34", "-1234567890123.45")
        assert amounts(read(exact)) == [Decimal("-1234567890123.45")]

    def test_lines_that_are_no_objects_stand_alone(self) -> None:
        text = TEA + "Tea, please\n" + TEA + '[1]\n{"a": 1, "a": 2}\n' + TEA + '{"date": "2025-01-1'
        found = read(text)
        assert (len(found.lines), reasons(found)) == (3, [(2, "broken"), (4, "broken"), (5, "broken"), (7, "cut_off")])
        assert found.rejected[0].original == "Tea, please"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (('"2025-01-13"', '"2025-02-31"'), "bad_date"),
            (("-12.34", "-12.345"), "too_precise"),
            (("-12.34", "1e30"), "too_large"),
            (("-12.34", "null"), "no_amount"),
            (("-12.34", "true"), "bad_amount"),
            (('"GBP"', '"USD"'), "other_currency"),
            (('"id": "a1"', '"status": "declined"'), "not_booked"),
        ],
    )
    def test_what_cannot_be_read_is_quarantined(self, change: tuple[str, str], reason: str) -> None:
        assert reasons(read(TEA + TEA.replace(*change))) == [(2, reason)]

    def test_signs_that_no_minus_proves_are_asked_about(self) -> None:
        spent = TEA.replace("-12.34", "12.34")
        assert asked(spent) == {"positive_is"}
        answered = read(spent, positive_is="out")
        assert amounts(answered) == [Decimal("-12.34")]
        assert answered.layout is not None
        assert amounts(read(spent, saved=(answered.layout,))) == [Decimal("-12.34")]

    def test_thousands_in_text_are_asked_about(self) -> None:
        text = TEA.replace("-12.34", '"-14.000"')
        assert asked(text) == {"decimal_mark"}
        assert amounts(read(text, decimal_mark=",")) == [Decimal(-14000)]


class TestFeeds:
    def test_plaid_writes_money_out_above_zero(self) -> None:
        found = read(json.dumps({"accounts": [], "transactions": [PLAID], "total_transactions": 1}))
        [line] = found.lines.to_pylist()
        assert (line["amount"], line["description"], line["merchant"]) == (
            Decimal("-12.34"), "TEA HOUSE 12", "Tea House",
        )  # fmt: skip
        assert (line["provider_id"], line["pending_id"], line["status"]) == ("t1", "t0", "posted")
        assert json.loads(line["attributes"]) == {"personal_finance_category": PLAID["personal_finance_category"]}
        assert found.ids_are_stable

    def test_plaid_as_it_synchronises(self) -> None:
        answer = {"added": [{**PLAID, "pending": True}], "modified": [PLAID], "removed": [{"transaction_id": "t0"}]}
        found = read(json.dumps(answer, indent=1).replace('"t1"', '"t9"', 1))
        assert (found.lines["status"].to_pylist(), found.shows) == (["pending", "posted"], "changes")
        assert [(each.line_number, each.provider_id, each.says) for each in found.named] == [(3, "t0", "removed")]
        assert reasons(found) == []

    def test_of_an_id_that_stands_twice_the_last_object_counts(self) -> None:
        found = read(json.dumps({"added": [PLAID], "modified": [PLAID], "removed": [{"transaction_id": "t1"}]}))
        assert [(each.line_number, each.says) for each in found.named] == [
            (1, "repeated"), (2, "repeated"), (3, "removed"),
        ]  # fmt: skip
        assert (len(found.lines), found.rows_in) == (0, 3)

    @pytest.mark.parametrize(
        ("document", "shows"),
        [
            ({"added": [], "modified": [], "removed": []}, "changes"),
            ({"added": [], "modified": [], "removed": [{"transaction_id": "t1", "account_id": "a"}]}, "changes"),
            ({"transactions": {"booked": [], "pending": []}}, "window"),
        ],
    )
    def test_a_provider_s_answer_may_be_without_lines(self, document: dict[str, Any], shows: str) -> None:
        found = read(json.dumps(document))
        assert (found.shows, len(found.lines)) == (shows, 0)

    @pytest.mark.parametrize("row", [{}, {"transaction_id": None}, 5])
    def test_a_row_that_takes_nothing_back_is_broken(self, row: Any) -> None:
        assert reasons(read(json.dumps({"added": [], "removed": [row]}))) == [(1, "broken")]

    def test_plaid_of_several_accounts(self) -> None:
        both = json.dumps([PLAID, {**PLAID, "account_id": "b"}])
        with pytest.raises(problems.SeveralAccounts):
            read(both)
        assert reasons(read(both.replace('"a"', '"number-1"'), number="number-1")) == [(2, "other_account")]

    def test_gocardless_tells_booked_from_pending(self) -> None:
        pending = {"valueDate": "2025-01-15", "transactionAmount": {"amount": "5", "currency": "GBP"}}
        found = read(json.dumps({"transactions": {"booked": [GOCARDLESS], "pending": [pending]}}))
        first, second = found.lines.to_pylist()
        assert (first["amount"], first["description"], first["provider_id"]) == (
            Decimal("-328.18"), "Landlord  Rent", "i1",
        )  # fmt: skip
        assert (first["counterparty"], first["value_on"]) == ("GB33BUKB20201555555555", date(2025, 1, 14))
        assert json.loads(first["attributes"]) == {"bankTransactionCode": "PMNT"}
        assert (second["status"], second["booked_on"]) == ("pending", date(2025, 1, 15))
        # the one without an id of GoCardless's own
        assert (found.ids_are_stable, found.unstable, found.shows) == (True, frozenset({2}), "window")

    @pytest.mark.parametrize("row", [PLAID, GOCARDLESS])
    def test_of_another_currency(self, row: dict[str, Any]) -> None:
        with pytest.raises(problems.OtherCurrency):
            read(json.dumps([row]), currency="EUR")


class TestRows:
    def test_names_are_a_header(self) -> None:
        text = (
            '{"bookingDate": "13.01.2025", "text": "Tea", "betrag": "-1.234,56", "merchant": {"name": "Tea House"}}\n'
        )
        found = read(text + text.replace("13.01.", "14.01."), currency="EUR")
        assert lines(found)[0] == ("2025-01-13", "-1234.56", "Tea")

    def test_mapping_takes_the_file_s_own_names(self) -> None:
        text = '[{"when": "2025-01-13", "howMuch": -5, "other": -6, "what": "Tea"}]'
        found = read(text, mapping={"date": "when", "amount": "howMuch", "description": "what"})
        assert lines(found) == [("2025-01-13", "-5", "Tea")]

    def test_numbers_and_text_may_be_mixed(self) -> None:
        rows = [
            {"day": "2025-01-13", "text": "A", "value": -12.5},
            {"day": "2025-01-14", "text": "B", "value": "-1.234,56"},
        ]
        assert amounts(read(json.dumps(rows))) == [Decimal("-12.5"), Decimal("-1234.56")]

    def test_numbers_do_not_decide_how_text_is_read(self) -> None:
        rows = [{"day": "2025-01-13", "text": "A", "value": -12.5}, {"day": "2025-01-14", "value": "-14.000"}]
        assert asked(json.dumps(rows)) == {"decimal_mark"}

    def test_rejected_rows_can_be_sent_again(self) -> None:
        found = read('[{"day":"2025-01-13","text":"A","value":-1},{"day":"2025-02-31","text":"B","value":-2.5}]')
        assert [row.original for row in found.rejected] == ['{"day": "2025-02-31", "text": "B", "value": "-2.5"}']


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ('[{"', problems.BrokenJson),
            ('[{"date": "2025-01-13"', problems.BrokenJson),
            ('{"transactions": [{"date": "2025-01-13"}', problems.BrokenJson),
            ("[]", problems.NoTransactions),
            ("{}", problems.NoTransactions),
            ('{"error": "not found"}', problems.NoTransactions),
            ('{"amount": NaN, "date": "2025-01-13"}\n', problems.BrokenJson),
            ("[" * 100_000 + '{"a":1}', problems.NoTransactions),
            ("[" * 5_000 + '{"a":1}', problems.BrokenJson),
            ('{"a":' * 100_000, problems.BrokenJson),
            (json.dumps([{f"name {n}": n} for n in range(1000)]), problems.TooManyColumns),
        ],
    )
    def test_says_why(self, content: str, problem: type[Problem]) -> None:
        with pytest.raises(problem):
            read(content)


ENTRY = st.fixed_dictionaries(
    {
        "date": st.dates(date(1970, 1, 1), date(2100, 12, 31)).map(str),
        "amount": st.integers(-(10**12), 10**12).map(lambda minor: Decimal(minor) / 100),
        "currency": st.just("GBP"),
        "description": st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30).map(str.strip),
        "attributes": st.just({}),
    }
)


class TestRoundTrip:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(ENTRY, min_size=1, max_size=12), st.booleans(), st.booleans())
    def test_the_same_list_comes_back(self, entries: list[dict[str, Any]], is_array: bool, is_text: bool) -> None:
        written = [{**entry, "amount": str(entry["amount"]) if is_text else 0} for entry in entries]
        texts = [
            json.dumps(row) if is_text else json.dumps(row).replace('"amount": 0', f'"amount": {entry["amount"]}')
            for row, entry in zip(written, entries, strict=True)
        ]
        found = read(f"[{','.join(texts)}]" if is_array else "\n".join(texts))
        read_back = [
            {"date": str(line["booked_on"]), "amount": line["amount"], "description": line["description"]}
            for line in found.lines.to_pylist()
        ]
        assert read_back == [{name: entry[name] for name in ("date", "amount", "description")} for entry in entries]
