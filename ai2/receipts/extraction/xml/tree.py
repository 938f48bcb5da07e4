"""A small tree of an XML file: names without their prefixes, and texts. A document type or an entity ends it."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from ai2.ingest.containers import Member
from ai2.ingest.formats.shared.markup import Walk
from ai2.ingest.problems import BrokenMarkup

MAX_BYTES, MAX_ELEMENTS, MAX_DEPTH = 20_000_000, 400_000, 100


@dataclass
class Element:
    """An element: its name as `Invoice` of `ubl:Invoice`, its attributes, its text, and what is in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    def all(self, path: str) -> Iterator["Element"]:
        """The elements at a path such as `Party/PartyName/Name`, in their order."""
        first, _, rest = path.partition("/")
        for child in self.children:
            if child.name == first:
                yield from child.all(rest) if rest else (child,)

    def first(self, *paths: str) -> "Element | None":
        """The first that holds text, by the first path that leads to one."""
        return next((found for path in paths for found in self.all(path) if found.text), None)

    def within(self, *names: str) -> "Element | None":
        """The element of one of these names, itself or the nearest inside it."""
        level = [self]
        while level:
            for element in level:
                if element.name in names:
                    return element
            level = [child for element in level for child in element.children]
        return None


class _Growing:
    """Told of tags, it makes the tree."""

    def __init__(self) -> None:
        self.root = Element("")
        self._open, self._count = [self.root], 0

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise BrokenMarkup
        element = Element(name.rpartition(":")[2], attributes)
        self._open[-1].children.append(element)
        self._open.append(element)

    def closed(self, _: str, /) -> None:
        self._open.pop()

    def text(self, text: str, /) -> None:
        self._open[-1].parts.append(text)


def tree(content: bytes) -> Element:
    """Raises UnsafeMarkup and BrokenMarkup."""
    if len(content) > MAX_BYTES:
        raise BrokenMarkup
    growing = _Growing()
    Walk(Member("invoice.xml", lambda: io.BytesIO(content))).run(growing)
    return growing.root
