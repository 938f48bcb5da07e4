"""What people see, in many languages: right where it is told, and empty rather than wrong; and real invoices."""

import os
import sys
from collections import Counter
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from ai2.receipts.extraction import documents
from ai2.receipts.extraction.confidence import THRESHOLD
from ai2.receipts.extraction.model import Extracted
from benchmarks import invoices as measuring
from tests import seeds
from tests.receipts import invoices

FIELDS = ("supplier", "issued_on", "total", "tax", "currency", "number", "order_number")


def value(found: Extracted | None, field: str) -> object:
    told = getattr(found, field) if found else None
    return told.value if told else None


def of_text(text: str) -> Extracted | None:
    return documents.read(text.encode(), "text/plain", "receipt.txt")


class TestWrittenDocuments:
    """Twelve languages, eighteen countries, three media: counted over documents that nobody has seen before."""

    @pytest.mark.parametrize("seed", seeds.seeds("written documents", 1))
    def test_most_is_right_little_is_wrong_and_confidence_means_what_it_says(self, seed: int) -> None:
        outcomes, claimed = Counter[str](), 0.0
        for number in range(160):
            one = invoices.write(Random(f"{seed} {number}"))
            medium: invoices.Medium = "pdf" if number % 8 == 0 else "html" if number % 2 else "text"
            found = documents.read(*invoices.bytes_of(one, medium), "document")
            for field in FIELDS:
                told = getattr(found, field) if found else None
                if told is not None:
                    right = measuring.is_right(field, one, told.value)
                    outcomes["right" if right else "wrong"] += 1
                    claimed += told.confidence
                    assert told.confidence >= THRESHOLD
                elif getattr(one, field) is not None:
                    outcomes["empty"] += 1
        count, read = sum(outcomes.values()), outcomes["right"] + outcomes["wrong"]
        assert outcomes["right"] / count >= 0.85, outcomes
        assert outcomes["wrong"] / count <= 0.03, outcomes
        assert outcomes["right"] / read >= claimed / read - 0.02, outcomes

    @pytest.mark.parametrize("seed", seeds.seeds("three media", 3))
    def test_the_form_says_what_it_was_read_from(self, seed: int) -> None:
        one = invoices.write(Random(seed))
        for medium in ("text", "html", "pdf"):
            found = documents.read(*invoices.bytes_of(one, medium), "document")
            assert found is None or found.form == medium


ORDER = """<html><body><table><tr><td><table><tr><td><img src="cid:1" alt="Bluepeak Outdoor"></td>
<td>Order Confirmation<br>Order <a href="https://www.bluepeak.com/o">#112-4455667-8899001</a></td></tr></table></td></tr>
<tr><td><p>Hello Sam,</p><p>Your estimated delivery date is <b>Friday, March 8, 2024</b></p></td></tr>
<tr><td><table><tr><td>Tent</td><td>$199.00</td></tr><tr><td>Rope</td><td>$19.50</td></tr></table>
<table><tr><td>Item Subtotal:</td><td>$218.50</td></tr><tr><td>Shipping &amp; Handling:</td><td>$5.99</td></tr>
<tr><td>Estimated Tax:</td><td>$18.03</td></tr><tr><td><b>Order Total:</b></td><td><b>$242.52</b></td></tr></table>
<p>Order placed on March 5, 2024</p><div style="display:none">Total $1.00</div></td></tr>
<tr><td>&copy; 2024 Bluepeak Outdoor Inc. All rights reserved. www.bluepeak.com</td></tr></table></body></html>"""


def test_a_mail_laid_out_by_tables_is_read_as_it_is_seen() -> None:
    found = documents.read(ORDER.encode(), "text/html", "")
    assert tuple(value(found, field) for field in FIELDS) == (
        "Bluepeak Outdoor Inc.", date(2024, 3, 5), Decimal("242.52"), Decimal("18.03"), "USD", None,
        "112-4455667-8899001",
    )  # fmt: skip


class TestEncodings:
    @pytest.mark.parametrize(
        ("media_type", "head"),
        [
            ("text/html; charset=iso-8859-2", ""),
            ("text/html", '<meta charset="iso-8859-2">'),
            ("text/html; charset=rot13", ""),
        ],
    )
    def test_a_page_is_in_the_encoding_that_it_says(self, media_type: str, head: str) -> None:
        page = f"<html>{head}<p>Razem do zapłaty: 12,30 zł</p></html>".encode("iso-8859-2")
        found = documents.read(page, media_type, "")
        assert value(found, "total") == Decimal("12.30")
        assert (value(found, "currency") == "PLN") is ("rot13" not in media_type)


class TestTotals:
    @pytest.mark.parametrize(
        ("text", "total", "tax"),
        [
            ("Subtotal  10.00\nVAT 20%  2.00\nTotal  £12.00\nThank you", "12.00", "2.00"),
            ("Total HT  1 000,00 €\nTVA 20%  200,00 €\nTotal TTC  1 200,00 €", "1200.00", "200.00"),
            # the order of the lines says nothing, the sums do
            ("Rechnungsbetrag  119,00 €\nMwSt 19%  19,00 €\nNetto  100,00 €", "119.00", "19.00"),
            # paid in full: nothing is due, and it was to be paid all the same
            ("Net  50.00\nTax  5.00\nTotal  $55.00\nAmount paid  $55.00\nBalance due  $0.00", "55.00", "5.00"),
            ("Imponibile  82,00\nIVA 22%  18,04\nTotale documento  EUR 100,04", "100.04", "18.04"),
        ],
    )
    def test_the_total_is_what_was_to_be_paid(self, text: str, total: str, tax: str) -> None:
        found = of_text(text)
        assert value(found, "total") == Decimal(total)
        assert value(found, "tax") == Decimal(tax)

    def test_a_credit_note_is_negative(self) -> None:
        text = "{}\nNo. 4711-22\nNetto  100,00 €\nMwSt 19%  19,00 €\nGesamtbetrag  119,00 €"
        assert value(of_text(text.format("Gutschrift")), "total") == Decimal("-119.00")
        assert value(of_text(text.format("Rechnung")), "total") == Decimal("119.00")

    def test_a_fee_in_the_small_print_is_no_total(self) -> None:
        text = "Invoice number: 2024-77\nA late fee of £40.00 applies to what is not paid within fourteen days of it."
        assert value(of_text(text), "total") is None

    def test_a_price_in_an_advertisement_is_no_total(self) -> None:
        assert of_text("Summer sale at Kestrel!\nBest tea, now only $9.99\nwww.kestrel.com") is None


class TestDates:
    @pytest.mark.parametrize(
        ("text", "issued_on"),
        [
            ("Invoice date: 03/04/2024\nDue: 30/04/2024\nTotal £5.00", date(2024, 4, 3)),
            ("Invoice date: 03/04/2024\nDue: 04/30/2024\nTotal $5.00", date(2024, 3, 4)),
            ("Rechnungsdatum: 03.04.24\nLiefertermin: 01.04.24\nGesamt 5,00 €", date(2024, 4, 3)),
            ("Fecha de factura: 3 de abril de 2024\nTotal 5,00 €", date(2024, 4, 3)),
            ("Ordered on 1 March 2024\nInvoice date 3 April 2024\nTotal £5.00", date(2024, 4, 3)),
        ],
    )
    def test_the_documents_own_date_in_its_own_order(self, text: str, issued_on: date) -> None:
        assert value(of_text(text), "issued_on") == issued_on

    def test_an_order_of_day_and_month_that_nothing_tells_is_not_guessed(self) -> None:
        text = "Invoice number: 2024-77\nInvoice date: {}\nYour order, the amount due for this invoice: Total 5.00"
        assert value(of_text(text.format("03/04/2024")), "issued_on") is None
        assert value(of_text(text.format("23/04/2024")), "issued_on") == date(2024, 4, 23)


class TestSuppliers:
    def test_the_customer_is_not_the_supplier(self) -> None:
        text = (
            "Kestrel Ltd - 1 High Street - Leeds\n\nBill to:\nContoso Ltd\n2 Low Road\n\nInvoice no: 77-1234\n"
            "Total  £5.00\n\nKestrel Ltd  VAT GB123456789\nwww.kestrel.co.uk"
        )
        assert value(of_text(text), "supplier") == "Kestrel Ltd"

    def test_a_platform_is_known_by_its_name(self) -> None:
        text = (
            "Orbis\nInvoice no: 77-1234\nTotal  £5.00\nQuestions? Ask Orbis support at www.orbis.com\n"
            "Thank you for your order with Orbis\nVandel Retail Ltd, VAT GB123456789"
        )
        assert value(of_text(text), "supplier") in ("Orbis", None)


@pytest.mark.skipif("AI2_TEST_DATA" not in os.environ, reason="AI2_TEST_DATA names no folder of real invoices")
def test_real_invoices_are_read_without_a_template(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["invoices"])
    counted = measuring.real(Path(os.environ["AI2_TEST_DATA"]) / measuring.FOLDER)
    count = counted["right"] + counted["empty"] + counted["wrong"]
    assert counted["right"] / count >= 0.85, capsys.readouterr().out
    assert counted["wrong"] / count <= 0.03


def test_fields_of_the_model_are_those_that_are_counted() -> None:
    assert tuple(field.name for field in fields(Extracted) if field.name != "form") == FIELDS
