"""Stated categories: which of an organization's categories a file means by what stands in its category column."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from uuid import UUID

from ai2.books.categories import service
from ai2.books.categories.service import Category
from ai2.kit.database import Connection

# Under this name a transaction's attributes have what its file says, whatever the column was headed with.
ATTRIBUTE = "category"
SPLITS = "splits"
# How programs write a category below another: `Food:Groceries`, `Food > Groceries`.
_BELOW = re.compile(r"\s*[:>]\s*")


def stated(attributes: Mapping[str, object]) -> str | None:
    """What a transaction's file says that it is; none where it says nothing, the parts of it, or another account."""
    said = attributes.get(ATTRIBUTE)
    # a program that splits a payment says of the whole of it nothing, or what its first part is
    if not isinstance(said, str) or SPLITS in attributes:
        return None
    text = said.strip()
    return None if not text or (text.startswith("[") and text.endswith("]")) else text


class Chart:
    """An organization's categories, found by their name, by their place in the tree, or by a predicted code."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self._by_id = {each.category_id: each for each in categories}
        self._by_code = {folded(code): each.category_id for each in categories for code in each.codes}
        self._by_name = {folded(each.name): each.category_id for each in categories}

    def find(self, text: str) -> UUID | None:
        """The category that is called so, case aside, or that the code stands for; none where there is none."""
        whole = folded(text)
        return self._by_name.get(whole) or self._by_code.get(whole) or self._below(_BELOW.split(whole))

    def _below(self, path: list[str]) -> UUID | None:
        """The last of the path, where those that it lies below are called as the path says."""
        last, *above = reversed(path)
        found = self._by_name.get(last) if above else None
        here = found
        for name in above:
            here = self._by_id[here].parent_id if here else None
            if here not in self._by_id or folded(self._by_id[here].name) != name:
                return None
        return found

    def codes(self, category_id: UUID) -> list[str]:
        """The predicted codes that stand for a category of it."""
        return self._by_id[category_id].codes


def folded(text: str) -> str:
    """As names are compared: without regard to case, the width of letters, and how much space is between words."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


async def chart(db: Connection, organization_id: UUID) -> Chart:
    """The organization's categories that are in use."""
    return Chart(await service.list_all(db, organization_id))


async def unknown(db: Connection, organization_id: UUID, texts: Sequence[str]) -> list[str]:
    """Those of these words of files that are none of the organization's categories, in their order."""
    said = list(filter(None, (stated({ATTRIBUTE: text}) for text in texts)))
    known = await chart(db, organization_id) if said else Chart([])
    return [text for text in said if known.find(text) is None]
