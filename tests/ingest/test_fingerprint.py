"""Fingerprints: version 1 never changes, for the rows of years are known by it."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ai2.ingest.lines import lines_of
from ai2.ingest.loading.fingerprint import fingerprints, occurrences
from ai2.ingest.loading.normalise import normalise, normalised

ACCOUNT = UUID("01890000-0000-7000-8000-000000000001")
ROW = {
    "line_number": 2, "booked_on": date(2024, 3, 2), "amount": Decimal("-3.20"), "currency": "GBP",
    "description": "Coffee  SHOP", "attributes": "{}", "provider_id": "A1",
}  # fmt: skip


def of(*rows: dict[str, Any], account: UUID = ACCOUNT) -> tuple[list[str], list[str | None]]:
    content, provider = fingerprints(lines_of([{**ROW, **row} for row in rows]), account)
    return content.to_pylist(), provider.to_pylist()


class TestVersionOne:
    def test_is_what_it_was(self) -> None:
        assert of({}) == (["\\x11e21a455898578f9cc3fd9a628953a0"], ["\\x4581af07a5cb38baace6dd1fa4c86961"])

    @pytest.mark.parametrize(
        "other",
        [
            {"booked_on": date(2024, 3, 3)},
            {"amount": Decimal("3.20")},
            {"amount": Decimal("-3.2001")},
            {"currency": "EUR"},
            {"description": "Coffee shops"},
        ],
    )
    def test_every_part_counts(self, other: dict[str, Any]) -> None:
        assert of({})[0] != of(other)[0]

    def test_the_account_counts(self) -> None:
        assert of({})[0] != of({}, account=UUID(int=1))[0]

    @pytest.mark.parametrize("text", ["coffee shop", " Coffee SHOP ", "COFFEE\u00a0SHOP", "Ｃoffee shop"])
    def test_case_space_and_width_do_not(self, text: str) -> None:
        assert of({})[0] == of({"description": text})[0]

    def test_what_is_no_part_does_not(self) -> None:
        assert of({})[0] == of({"line_number": 9, "attributes": '{"a": "b"}', "merchant": "x", "reference": "y"})[0]

    def test_equal_rows_are_numbered(self) -> None:
        content, provider = of({"provider_id": None}, {"provider_id": None}, {"provider_id": "A2"})
        assert len(set(content)) == 3
        assert content[0] == of({})[0][0]
        assert [known is None for known in provider] == [True, True, False]

    def test_an_id_that_stands_twice_identifies_nothing(self) -> None:
        assert of({}, {"amount": Decimal(1)})[1] == [None, None]


class TestOccurrences:
    def test_counts_each_key_for_itself(self) -> None:
        assert occurrences(pa.array(["a", "b", "a", "a", "b", "c"])).tolist() == [1, 1, 2, 3, 2, 1]

    def test_of_nothing_is_nothing(self) -> None:
        assert occurrences(pa.array([], pa.string())).tolist() == []


class TestNormalise:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("  Tesco\tSTORES \n 6123", "tesco stores 6123"),
            ("ＴＥＳＣＯ", "tesco"),
            ("Straße", "strasse"),
            ("ﬁsh", "fish"),
        ],
    )
    def test_levels_what_banks_change(self, text: str, expected: str) -> None:
        assert normalise(text) == expected


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12)))
@example(["Caf\u00e9  SHOP ", " A", "A\x1fB", "a\u00a0b", "STRASSE \u00df", "\uff21\uff22", "", "A b"])
def test_a_column_is_normalised_as_each_text(texts: list[str]) -> None:
    assert normalised(pa.array(texts, pa.string())).to_pylist() == [normalise(text) for text in texts]
