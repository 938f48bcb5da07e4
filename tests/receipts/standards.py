"""The same purchase as the standards write it: UBL, Cross Industry Invoice, JSON-LD, microdata, Factur-X."""

import io
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape


@dataclass(frozen=True)
class Purchase:
    """What every form below says."""

    supplier: str
    issued_on: date
    net: Decimal
    tax: Decimal
    currency: str
    number: str
    order_number: str

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def ubl(it: Purchase, *, root: str = "Invoice", prefix: str = "cbc", head: str = "") -> bytes:
    """Two tax totals, as where the tax office has another currency, and the line's own ID, which is no number."""
    b, a = (f"{prefix}:", f"{prefix}a:") if prefix else ("", "")
    spaces = "".join(
        f' xmlns{":" + name if name else ""}="urn:oasis:names:specification:ubl:schema:xsd:{what}-2"'
        for name, what in (
            (prefix, "CommonBasicComponents"),
            (f"{prefix}a" if prefix else "a", "CommonAggregateComponents"),
        )
    )
    main = "" if not prefix else f' xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2"'
    money = f'currencyID="{it.currency}"'
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<{root}{main}{spaces}><{b}CustomizationID>urn:cen.eu:en16931:2017</{b}CustomizationID><{b}ID>{escape(it.number)}</{b}ID>
<{b}IssueDate>{it.issued_on}</{b}IssueDate><{b}DocumentCurrencyCode>{it.currency}</{b}DocumentCurrencyCode>
<{a}OrderReference><{b}ID>{escape(it.order_number)}</{b}ID></{a}OrderReference>
<{a}AccountingSupplierParty><{a}Party><{a}PartyName><{b}Name>{escape(it.supplier)}</{b}Name></{a}PartyName></{a}Party>
</{a}AccountingSupplierParty><{a}AccountingCustomerParty><{a}Party><{a}PartyName><{b}Name>Buyer</{b}Name></{a}PartyName>
</{a}Party></{a}AccountingCustomerParty><{a}TaxTotal><{b}TaxAmount currencyID="XTS">7</{b}TaxAmount></{a}TaxTotal>
<{a}TaxTotal><{b}TaxAmount {money}>{it.tax}</{b}TaxAmount></{a}TaxTotal><{a}LegalMonetaryTotal>
<{b}LineExtensionAmount {money}>{it.net}</{b}LineExtensionAmount>
<{b}TaxExclusiveAmount {money}>{it.net}</{b}TaxExclusiveAmount>
<{b}TaxInclusiveAmount {money}>{it.total}</{b}TaxInclusiveAmount><{b}PrepaidAmount {money}>1</{b}PrepaidAmount>
<{b}PayableAmount {money}>{it.total - 1}</{b}PayableAmount></{a}LegalMonetaryTotal>
<{a}InvoiceLine><{b}ID>1</{b}ID></{a}InvoiceLine></{root}>""".encode()


def cii(it: Purchase, *, type_code: int = 380) -> bytes:
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
<rsm:ExchangedDocument><ram:ID>{escape(it.number)}</ram:ID><ram:TypeCode>{type_code}</ram:TypeCode>
<ram:IssueDateTime><udt:DateTimeString format="102">{it.issued_on:%Y%m%d}</udt:DateTimeString></ram:IssueDateTime>
</rsm:ExchangedDocument><rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeAgreement>
<ram:SellerTradeParty><ram:ID>9</ram:ID><ram:Name>{escape(it.supplier)}</ram:Name></ram:SellerTradeParty>
<ram:BuyerTradeParty><ram:Name>Buyer</ram:Name></ram:BuyerTradeParty><ram:BuyerOrderReferencedDocument>
<ram:IssuerAssignedID>{escape(it.order_number)}</ram:IssuerAssignedID></ram:BuyerOrderReferencedDocument>
</ram:ApplicableHeaderTradeAgreement><ram:ApplicableHeaderTradeSettlement>
<ram:InvoiceCurrencyCode>{it.currency}</ram:InvoiceCurrencyCode><ram:SpecifiedTradeSettlementHeaderMonetarySummation>
<ram:TaxBasisTotalAmount>{it.net}</ram:TaxBasisTotalAmount><ram:TaxTotalAmount currencyID="XTS">7</ram:TaxTotalAmount>
<ram:TaxTotalAmount currencyID="{it.currency}">{it.tax}</ram:TaxTotalAmount>
<ram:GrandTotalAmount>{it.total}</ram:GrandTotalAmount><ram:DuePayableAmount>0</ram:DuePayableAmount>
</ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>""".encode()


def json_ld(it: Purchase) -> dict[str, object]:
    return {
        "@context": "https://schema.org",
        "@type": "Order",
        "seller": {"@type": "Organization", "name": it.supplier},
        "orderNumber": it.order_number,
        "orderDate": f"{it.issued_on}T23:59:59-11:00",
        "priceCurrency": it.currency,
        "price": str(it.total),
        "acceptedOffer": [{"@type": "Offer", "price": "0.01", "itemOffered": {"@type": "Product", "name": "Thing"}}],
    }


def page(it: Purchase) -> bytes:
    script = json.dumps({"@graph": [json_ld(it)]})
    head = f'<head><script type="application/ld+json">{script}</script></head>'
    return f"<html>{head}<body><p>Hello</p></body></html>".encode()


def microdata(it: Purchase) -> bytes:
    return f"""<html><body><div itemscope itemtype="http://schema.org/Order">
<div itemprop="merchant" itemscope itemtype="http://schema.org/Organization">
<b itemprop="name">{escape(it.supplier)}</b></div>
<meta itemprop="orderNumber" content="{escape(it.order_number)}"><link itemprop="url" href="https://shop.example/">
<time itemprop="orderDate" datetime="{it.issued_on}">some day</time>
<span itemprop="price">{it.total}</span> <span itemprop="priceCurrency">{it.currency}</span>
</div></body></html>""".encode()


def factur_x(it: Purchase, pdf: bytes, name: str = "factur-x.xml") -> bytes:
    """The XML inside the PDF, which shows something else."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    writer.add_attachment(name, cii(it))
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()
