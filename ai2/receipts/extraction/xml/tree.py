"""A small tree of an XML file: names without their prefixes, and texts. A document type or an entity ends it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat  # what is unsafe in it is refused below

MAX_BYTES, MAX_ELEMENTS, MAX_DEPTH = 20_000_000, 400_000, 100


class NoTree(ValueError):
    """It is no XML, is larger or deeper than any invoice, or declares what no invoice needs."""


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
            raise NoTree
        element = Element(name.rpartition(":")[2], attributes)
        self._open[-1].children.append(element)
        self._open.append(element)

    def closed(self, _: str, /) -> None:
        self._open.pop()

    def text(self, text: str, /) -> None:
        self._open[-1].parts.append(text)


def tree(content: bytes) -> Element:
    """Expat reports a document type before anything of the content, and stops where it is refused. Raises NoTree."""
    if len(content) > MAX_BYTES:
        raise NoTree
    growing, parser = _Growing(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = growing.opened, growing.closed
    parser.CharacterDataHandler = growing.text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(content.lstrip(b" \t\r\n"), True)
    except (expat.ExpatError, LookupError) as error:
        raise NoTree from error
    return growing.root


def _refuse(*_: object) -> NoReturn:
    raise NoTree
