"""UBL 2: Invoice and CreditNote, as Peppol and most of Europe's public buyers use them."""

from decimal import Decimal

from ai2.receipts.extraction.model import Extracted
from ai2.receipts.extraction.xml.tree import Element
from ai2.receipts.extraction.xml.values import CREDITS, adds_up, amount, day, text, told

NAMES = ("Invoice", "CreditNote")
_SUPPLIER = (
    "AccountingSupplierParty/Party/PartyName/Name",
    "AccountingSupplierParty/Party/PartyLegalEntity/RegistrationName",
    "SellerSupplierParty/Party/PartyName/Name",
)


def read(invoice: Element) -> Extracted | None:
    """None where it has nothing of an invoice."""
    totals = next(invoice.all("LegalMonetaryTotal"), None)
    if totals is None and invoice.first("ID") is None:
        return None
    currency = text(invoice.first("DocumentCurrencyCode")) or _currency_of(totals)
    total, tax = _total(totals), _tax(invoice, currency)
    net = amount(totals.first("TaxExclusiveAmount")) if totals else None
    proved = adds_up(total, net, tax)
    is_credit = invoice.name == "CreditNote" or text(invoice.first("InvoiceTypeCode")) in CREDITS
    sign = -1 if is_credit and total is not None and total > 0 else 1
    return Extracted(
        "ubl",
        supplier=told(text(invoice.first(*_SUPPLIER)), "AccountingSupplierParty"),
        issued_on=told(day(invoice.first("IssueDate")), "IssueDate"),
        total=told(None if total is None else sign * total, "LegalMonetaryTotal", is_proved=proved),
        tax=told(None if tax is None else sign * tax, "TaxTotal", is_proved=proved),
        currency=told(currency, "DocumentCurrencyCode"),
        number=told(text(invoice.first("ID")), "ID"),
        order_number=told(text(invoice.first("OrderReference/ID")), "OrderReference"),
    )


def _total(totals: Element | None) -> Decimal | None:
    """What was to be paid before anything was: with what is rounded, and with what was paid in advance."""
    if totals is None:
        return None
    payable, prepaid = amount(totals.first("PayableAmount")), amount(totals.first("PrepaidAmount"))
    if payable is None:
        return amount(totals.first("TaxInclusiveAmount"))
    return payable + (prepaid or Decimal(0))


def _tax(invoice: Element, currency: str | None) -> Decimal | None:
    """That in the document's own currency; another one may stand beside it, for the tax office."""
    stated = [
        each for each in invoice.all("TaxTotal/TaxAmount") if each.attributes.get("currencyID", currency) == currency
    ]
    return amount(stated[0]) if stated else None


def _currency_of(totals: Element | None) -> str | None:
    return totals.children[0].attributes.get("currencyID") if totals and totals.children else None
