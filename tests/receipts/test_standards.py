"""Data of machines: what UBL, CII, JSON-LD and microdata say is what is read, to the cent and to the day."""

import socket
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai2.receipts.extraction.model import Extracted
from ai2.receipts.extraction.reading import read
from tests import seeds
from tests.receipts import invoices, standards
from tests.receipts.standards import Purchase

NAMED = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
CODE = st.from_regex(r"[A-Z]{1,3}[-/][0-9]{1,8}", fullmatch=True)
AMOUNTS = st.decimals(Decimal("1.00"), Decimal("9999999.99"), places=2)
PURCHASES = st.builds(
    Purchase,
    supplier=st.lists(NAMED, min_size=1, max_size=3).map(" & ".join),
    issued_on=st.dates(date(1995, 1, 1), date(2099, 12, 31)),
    net=AMOUNTS,
    tax=AMOUNTS,
    currency=st.sampled_from(["EUR", "USD", "GBP", "PLN", "CHF"]),
    number=CODE,
    order_number=CODE,
)
IT = Purchase("Kestrel & Söhne GmbH", date(2024, 2, 29), Decimal("100.00"), Decimal("19.00"), "EUR", "R-1", "O-7")


def said(found: Extracted | None) -> tuple[object, ...]:
    assert found
    fields = (found.supplier, found.issued_on, found.total, found.tax, found.currency, found.number, found.order_number)
    return tuple(field.value if field else None for field in fields)


def expected(it: Purchase) -> tuple[object, ...]:
    return (it.supplier, it.issued_on, it.total, it.tax, it.currency, it.number, it.order_number)


class TestInvoicesInXml:
    @settings(max_examples=60, deadline=None)
    @given(PURCHASES, st.sampled_from(["cbc", "ns1", ""]))
    def test_ubl_round_trips_whatever_its_prefixes(self, it: Purchase, prefix: str) -> None:
        assert said(read(standards.ubl(it, prefix=prefix), "application/xml", "invoice.xml")) == expected(it)

    @settings(max_examples=60, deadline=None)
    @given(PURCHASES)
    def test_cii_round_trips(self, it: Purchase) -> None:
        found = read(standards.cii(it), "text/xml", "factur-x.xml")
        assert found
        assert found.form == "cii"
        assert said(found) == expected(it)

    def test_a_credit_note_is_negative(self) -> None:
        for content in (standards.ubl(IT, root="CreditNote"), standards.cii(IT, type_code=381)):
            found = read(content, "application/xml", "x.xml")
            assert found
            assert found.total
            assert found.tax
            assert (found.total.value, found.tax.value) == (Decimal("-119.00"), Decimal("-19.00"))

    @pytest.mark.parametrize(
        "head",
        ["<!DOCTYPE Invoice>", '<!DOCTYPE Invoice [<!ENTITY a "b">]>', '<!DOCTYPE a SYSTEM "http://127.0.0.1/a">'],
    )
    def test_a_document_type_is_refused(self, head: str) -> None:
        assert read(standards.ubl(IT, head=""), "application/xml", "x.xml")
        assert read(standards.ubl(IT, head=head), "application/xml", "x.xml") is None

    def test_what_adds_up_is_surer_than_what_does_not(self) -> None:
        wrong = standards.ubl(IT).replace(b">100.00</cbc:TaxExclusiveAmount>", b">90.00</cbc:TaxExclusiveAmount>")
        proved, unproved = (read(each, "application/xml", "x.xml") for each in (standards.ubl(IT), wrong))
        assert proved
        assert unproved
        assert proved.total
        assert unproved.total
        assert proved.total.confidence > unproved.total.confidence

    def test_the_xml_in_a_pdf_comes_before_what_people_see(self) -> None:
        [seed] = seeds.seeds("factur-x", 1)
        seen = invoices.as_pdf(invoices.write(Random(seed)))
        found = read(standards.factur_x(IT, seen), "application/pdf", "invoice.pdf")
        assert found
        assert found.form == "cii"
        assert said(found) == expected(IT)


class TestMarkedUpMails:
    @settings(max_examples=60, deadline=None)
    @given(PURCHASES, st.sampled_from([standards.page, standards.microdata]))
    def test_schema_org_round_trips(self, it: Purchase, write: object) -> None:
        found = read(write(it), "text/html", "")  # type: ignore[operator]
        supplier, issued_on, total, _, currency, _, order_number = expected(it)
        assert said(found) == (supplier, issued_on, total, None, currency, None, order_number)

    def test_a_parcel_tells_of_its_order(self) -> None:
        parcel = b"""<script type="application/ld+json">[{"@type": "ParcelDelivery", "trackingNumber": "1Z",
        "partOfOrder": {"@type": "Order", "orderNumber": "O-9", "merchant": {"name": "Shop"}}}]</script>"""
        found = read(parcel, "text/html", "")
        assert found
        assert found.order_number
        assert found.supplier
        assert (found.form, found.order_number.value, found.supplier.value) == ("json_ld", "O-9", "Shop")

    def test_what_the_data_leaves_empty_is_read_from_the_text(self) -> None:
        page = standards.page(IT).replace(
            b"<p>Hello</p>",
            b"<table><tr><td>Invoice number: F-2024-17</td></tr><tr><td>Net</td><td>100.00 EUR</td></tr>"
            b"<tr><td>VAT 19%</td><td>19.00 EUR</td></tr><tr><td>Total</td><td>119.00 EUR</td></tr></table>",
        )
        found = read(page, "text/html", "")
        assert found
        assert found.number
        assert found.tax
        assert (found.number.value, found.tax.value) == ("F-2024-17", Decimal("19.00"))

    @pytest.mark.parametrize("price", ["NaN", "1e400", '"a lot"', "[]", "{}", '"1.234"', "9" * 5000])
    def test_a_price_that_is_none_is_not_one(self, price: str) -> None:
        page = standards.page(IT).replace(b'"119.00"', price.encode())
        found = read(page, "text/html", "")
        assert found is None or found.total is None or price == '"1.234"'
        assert read(standards.page(IT), "text/html", "").total  # type: ignore[union-attr]

    def test_nothing_is_fetched_and_no_script_is_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise AssertionError("a connection")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        remote = (
            b'<img src="http://127.0.0.1:9/p.gif"><link rel="stylesheet" href="http://127.0.0.1:9/s.css">'
            b'<iframe src="http://127.0.0.1:9/"></iframe><script>document.write("Total 999.00 EUR")</script>'
            b'<script src="http://127.0.0.1:9/s.js"></script>'
        )
        found = read(standards.page(IT).replace(b"<p>", remote + b"<p>"), "text/html", "")
        assert found
        assert found.total
        assert found.total.value == IT.total
