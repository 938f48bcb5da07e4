"""A layout says what no file can: the words of this account's bank, where its header is, what it wraps cells in."""

import json

import pytest

from ai2.ingest.layout.model import Layout, Options
from tests.ingest.reading import lines, read, reasons

OLD = {
    "version": 1,
    "signature": "header:0123456789abcdef",
    "delimiter": ",",
    "encoding": None,
    "header": ["Date", "Text", "Amount"],
    "columns": {"date": [1], "description": [2], "amount": [3]},
    "date_order": "dmy",
    "decimal_mark": ".",
    "positive_is": "in",
    "debits_are": None,
    "unflagged_is": None,
    "currency": None,
}


class TestLayout:
    def test_one_that_was_kept_before_still_holds(self) -> None:
        layout = Layout.model_validate(OLD)
        assert (layout.quote, layout.escape, layout.pending_words, layout.header_rows) == ('"', None, (), 1)

    def test_a_banks_own_word_for_pending(self) -> None:
        text = "Date,Text,Amount,State\n2025-01-15,A,-5.00,Floating\n2025-01-16,B,-6.00,Done\n"
        first = read(text, mapping={"status": "State"})
        assert first.layout is not None
        kept = first.layout.model_copy(update={"pending_words": ("floating",)})
        assert read(text, saved=(kept,)).lines["status"].to_pylist() == ["pending", "posted"]

    def test_a_banks_own_words_for_in_and_out(self) -> None:
        text = "Date,Text,Amount,Way\n2025-01-15,A,5.00,Hinaus\n2025-01-16,B,6.00,Herein\n"
        first = read(text, mapping={"flag": "Way"}, positive_is="in")
        assert first.layout is not None
        update = {"flag_words": {"Hinaus": "out", "Herein": "in"}, "positive_is": None}
        kept = first.layout.model_copy(update=update)
        assert [line[1] for line in lines(read(text, saved=(kept,)))] == ["-5", "6"]

    def test_a_header_whose_words_say_nothing_is_where_the_layout_says(self) -> None:
        text = "Foo,Bar,Baz\n2025-01-15,A,-5.00\nQux\n2025-01-16,B,-6.00\n"
        first = read(text)
        assert first.layout is not None
        assert first.layout.header == ("Foo", "Bar", "Baz")
        assert [line[2] for line in lines(read("A note\n" + text, saved=(first.layout,)))] == ["A", "B"]

    def test_survives_json_with_all_that_it_says(self) -> None:
        layout = Layout.model_validate({**OLD, "quote": "'", "flag_words": {"Hinaus": "out"}, "skip_rows": 3})
        assert Layout.model_validate_json(layout.model_dump_json()) == layout

    @pytest.mark.parametrize("name", ["base64", "no-such-encoding"])
    def test_what_is_no_encoding_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match="encoding"):
            Options(encoding=name)


class TestPending:
    def test_a_row_without_any_date_stays_aside(self) -> None:
        text = "Date,Text,Amount\nPending,A,-5.00\n2025-01-16,B,-6.00\n2025-01-17,C,-7.00\n"
        assert reasons(read(text)) == [(2, "pending")]

    def test_another_date_of_the_row_is_its_day(self) -> None:
        text = "Booking date,Value date,Text,Amount\nPending,2025-01-15,A,-5.00\n2025-01-16,2025-01-16,B,-6.00\n"
        found = read(text)
        assert lines(found)[0] == ("2025-01-15", "-5", "A")
        assert found.lines["status"].to_pylist() == ["pending", "posted"]

    def test_the_id_of_what_is_pending_and_the_other_sides_account(self) -> None:
        text = (
            "Date,Text,Amount,Pending ID,Counterparty IBAN\n2025-01-15,A,-5.00,hold-0001,GB29 NWBK 6016 1331 9268 19\n"
        )
        [row] = read(text).lines.to_pylist()
        assert (row["pending_id"], row["counterparty"]) == ("hold-0001", "GB29NWBK60161331926819")


HEADERS = ["Category", "category", "Spending Category", "Kategorie", "Catégorie", "CATEGORÍA", "Luokka", "カテゴリ"]


class TestCategories:
    @pytest.mark.parametrize("header", HEADERS)
    def test_what_a_file_calls_its_category_is_one_attribute_whatever_heads_it(self, header: str) -> None:
        found = read(f"Date,Text,Amount,{header}\n2025-01-15,A,-5.00,Food\n2025-01-16,B,-6.00,4711\n")
        assert list(map(json.loads, found.lines["attributes"].to_pylist())) == [
            {"category": "Food"},
            {"category": "4711"},
        ]
        assert [line[2] for line in lines(found)] == ["A", "B"]

    def test_a_column_that_a_person_names_is_it_and_the_other_stays_beside_it(self) -> None:
        text = "Date,Text,Amount,category,Budget line\n2025-01-15,A,-5.00,Food,Kitchen\n"
        found = read(text, mapping={"category": "Budget line"})
        assert json.loads(found.lines["attributes"][0].as_py()) == {"category": "Kitchen", "category 2": "Food"}
        assert found.layout is not None
        assert read(text, saved=(found.layout,)).lines.equals(found.lines)

    def test_where_nothing_else_says_anything_it_is_the_text_too(self) -> None:
        found = read("Date,Category,Amount\n2025-01-15,Food,-5.00\n2025-01-16,Rent,-6.00\n")
        assert [line[2] for line in lines(found)] == ["Food", "Rent"]
        assert json.loads(found.lines["attributes"][1].as_py()) == {"category": "Rent"}
