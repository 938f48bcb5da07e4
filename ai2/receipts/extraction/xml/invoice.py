"""Which of the XML invoices a file is, perhaps in an envelope, and what it says."""

from ai2.receipts.extraction.model import Extracted
from ai2.receipts.extraction.xml import cii, ubl
from ai2.receipts.extraction.xml.tree import NoTree, tree


def read(content: bytes) -> Extracted | None:
    """None where it is no invoice, is broken, or declares a document type."""
    try:
        root = tree(content)
    except NoTree:
        return None
    if found := root.within(*cii.NAMES):
        return cii.read(found)
    found = root.within(*ubl.NAMES)
    return ubl.read(found) if found else None
