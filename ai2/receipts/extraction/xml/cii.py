"""Cross Industry Invoice: what Factur-X, ZUGFeRD and XRechnung write; ZUGFeRD 1 has other names for the same."""

from decimal import Decimal

from ai2.receipts.extraction.model import Extracted
from ai2.receipts.extraction.xml.tree import Element
from ai2.receipts.extraction.xml.values import CREDITS, adds_up, amount, day, text, told

NAMES = ("CrossIndustryInvoice", "CrossIndustryDocument")


def read(invoice: Element) -> Extracted | None:
    """None where it has nothing of an invoice."""
    document = invoice.within("ExchangedDocument", "HeaderExchangedDocument")
    agreement = invoice.within("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    settlement = invoice.within("ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    if document is None or agreement is None or settlement is None:
        return None
    sums = settlement.within(
        "SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation"
    )
    currency = text(settlement.first("InvoiceCurrencyCode"))
    total, tax = _total(sums), _tax(sums, currency)
    proved = adds_up(total, amount(sums.first("TaxBasisTotalAmount")) if sums else None, tax)
    sign = -1 if text(document.first("TypeCode")) in CREDITS and total is not None and total > 0 else 1
    return Extracted(
        "cii",
        supplier=told(
            text(
                agreement.first(
                    "SellerTradeParty/Name", "SellerTradeParty/SpecifiedLegalOrganization/TradingBusinessName"
                )
            ),
            "SellerTradeParty",
        ),
        issued_on=told(day(document.first("IssueDateTime/DateTimeString", "IssueDateTime/DateTime")), "IssueDateTime"),
        total=told(None if total is None else sign * total, "GrandTotalAmount", is_proved=proved),
        tax=told(None if tax is None else sign * tax, "TaxTotalAmount", is_proved=proved),
        currency=told(currency, "InvoiceCurrencyCode"),
        number=told(text(document.first("ID")), "ExchangedDocument/ID"),
        order_number=told(
            text(agreement.first("BuyerOrderReferencedDocument/IssuerAssignedID", "BuyerOrderReferencedDocument/ID")),
            "BuyerOrderReferencedDocument",
        ),
    )


def _total(sums: Element | None) -> Decimal | None:
    """What was to be paid before anything was."""
    if sums is None:
        return None
    grand = amount(sums.first("GrandTotalAmount"))
    return grand if grand is not None else amount(sums.first("DuePayableAmount"))


def _tax(sums: Element | None, currency: str | None) -> Decimal | None:
    """That in the invoice's own currency; another one may stand beside it, for the tax office."""
    stated = list(sums.all("TaxTotalAmount")) if sums else []
    fitting = [each for each in stated if each.attributes.get("currencyID", currency) == currency]
    return amount(fitting[0]) if fitting else None
