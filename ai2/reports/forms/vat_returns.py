"""Returns: the boxes of VAT and GST returns, each as a sum of what was sold and bought.

Numbers and names are those of the forms: HMRC VAT Notice 700/12, the ATO's BAS instructions, Canada's GST34 guide
RC4022, Inland Revenue's GST101A, IRAS' GST F5 and Revenue's VAT3. Of other countries a general one is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Measure = Literal[
    "output_tax", "sales_net", "sales_gross", "sales_standard", "sales_zero", "sales_exempt", "input_tax",
    "purchases_net", "purchases_gross", "capital_gross", "other_gross", "across_borders",
]  # fmt: skip
Of = tuple[Measure, ...]
TotalOf = tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Box:
    """A box: what it is the sum of, or of which boxes."""

    name: str
    label: str
    of: Of = ()
    total_of: TotalOf = ()

    @property
    def key(self) -> str:
        """What it is called in a report."""
        return f"box-{self.name.lower().replace(' ', '-')}"


@dataclass(frozen=True)
class Return:
    """A form, its boxes in order, and what has to be known of it."""

    name: str
    boxes: tuple[Box, ...]
    note: str | None = None


GENERAL = Return(
    "VAT or GST return, in general",
    (
        Box("sales", "Taxable sales, without tax", ("sales_net",)),
        Box("output", "Output tax", ("output_tax",)),
        Box("purchases", "Purchases, without tax", ("purchases_net",)),
        Box("input", "Input tax recovered", ("input_tax",)),
        Box("net", "To pay (or, below zero, to be repaid)", total_of=((1, "output"), (-1, "input"))),
    ),
    "No return of this country is mapped: these are the figures that every one asks for.",
)
RETURNS: Mapping[str, Return] = {
    "GB": Return(
        "VAT100",
        (
            Box("1", "VAT due on sales and other outputs", ("output_tax",)),
            Box("2", "VAT due on acquisitions from EU member states", ("across_borders",)),
            Box("3", "Total VAT due", total_of=((1, "1"), (1, "2"))),
            Box("4", "VAT reclaimed on purchases and other inputs", ("input_tax",)),
            Box("5", "Net VAT to pay or reclaim", total_of=((1, "3"), (-1, "4"))),
            Box("6", "Total value of sales excluding VAT", ("sales_net",)),
            Box("7", "Total value of purchases excluding VAT", ("purchases_net",)),
            Box("8", "Supplies of goods to EU member states", ("across_borders",)),
            Box("9", "Acquisitions of goods from EU member states", ("across_borders",)),
        ),
        "Boxes 2, 8 and 9 are nothing here: nothing in a bank's data says that goods crossed to or from Northern"
        " Ireland. Boxes 6 to 9 are entered in whole pounds, the pence left out.",
    ),
    "AU": Return(
        "Business activity statement",
        (
            Box("G1", "Total sales, including GST", ("sales_gross",)),
            Box("1A", "GST on sales", ("output_tax",)),
            Box("G3", "Other GST-free sales", ("sales_zero",)),
            Box("G10", "Capital purchases, including GST", ("capital_gross",)),
            Box("G11", "Non-capital purchases, including GST", ("other_gross",)),
            Box("1B", "GST on purchases", ("input_tax",)),
            Box("9", "To pay (or, below zero, to be refunded), of GST alone", total_of=((1, "1A"), (-1, "1B"))),
        ),
        "Export sales (G2) are not told apart from other GST-free ones. Amounts are entered in whole dollars.",
    ),
    "CA": Return(
        "GST34",
        (
            Box("101", "Sales and other revenue", ("sales_net",)),
            Box("103", "GST/HST collected", ("output_tax",)),
            Box("105", "Total GST/HST and adjustments", total_of=((1, "103"),)),
            Box("106", "Input tax credits", ("input_tax",)),
            Box("108", "Total credits and adjustments", total_of=((1, "106"),)),
            Box("109", "Net tax", total_of=((1, "105"), (-1, "108"))),
        ),
        "Lines 104 and 107, adjustments, are yours to add. QST is returned apart, to Revenu Quebec.",
    ),
    "NZ": Return(
        "GST101A",
        (
            Box("5", "Total sales and income, including GST", ("sales_gross",)),
            Box("6", "Zero-rated supplies in box 5", ("sales_zero",)),
            Box("8", "GST collected", ("output_tax",)),
            Box("11", "Total purchases and expenses, including GST", ("purchases_gross",)),
            Box("12", "GST credit", ("input_tax",)),
            Box("15", "To pay (or, below zero, refund)", total_of=((1, "8"), (-1, "12"))),
        ),
        "Boxes 9 and 13, adjustments, are yours to add.",
    ),
    "SG": Return(
        "GST F5",
        (
            Box("1", "Standard-rated supplies", ("sales_standard",)),
            Box("2", "Zero-rated supplies", ("sales_zero",)),
            Box("3", "Exempt supplies", ("sales_exempt",)),
            Box("4", "Total supplies", total_of=((1, "1"), (1, "2"), (1, "3"))),
            Box("5", "Taxable purchases", ("purchases_net",)),
            Box("6", "Output tax due", ("output_tax",)),
            Box("7", "Input tax and refunds claimed", ("input_tax",)),
            Box("8", "Net GST to be paid or claimed", total_of=((1, "6"), (-1, "7"))),
        ),
    ),
    "IE": Return(
        "VAT3",
        (
            Box("T1", "VAT on sales", ("output_tax",)),
            Box("T2", "VAT on purchases", ("input_tax",)),
            Box("T3", "Net payable (or, below zero, T4: net repayable)", total_of=((1, "T1"), (-1, "T2"))),
            Box("E1", "Goods to other EU countries", ("across_borders",)),
            Box("E2", "Goods from other EU countries", ("across_borders",)),
        ),
        "E1, E2 and the boxes after them are nothing here: nothing in a bank's data says that goods crossed a border.",
    ),
}


def of(jurisdiction: str) -> Return:
    """The return of a jurisdiction's country."""
    return RETURNS.get(jurisdiction.partition("-")[0], GENERAL)
