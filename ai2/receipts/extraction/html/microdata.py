"""Microdata: items with properties in the attributes of HTML, made into the same shape that JSON-LD has."""

from dataclasses import dataclass, field

MAX_ITEMS, LONGEST = 2_000, 2_000
_VALUES = {
    "meta": "content",
    "a": "href",
    "link": "href",
    "area": "href",
    "img": "src",
    "time": "datetime",
    "data": "value",
}


@dataclass
class _Level:
    """An open tag: the item it begins, or the property whose text it holds."""

    tag: str
    item: dict[str, object] | None = None
    names: tuple[str, ...] = ()
    parts: list[str] = field(default_factory=list)


class Items:
    """Told of tags, it gathers the items; `found` are those that are no property of another."""

    def __init__(self) -> None:
        self.found: list[dict[str, object]] = []
        self._levels: list[_Level] = []
        self._count = 0

    def opened(self, tag: str, told: dict[str, str], *, is_void: bool) -> None:
        names = tuple(told.get("itemprop", "").split())
        level = _Level(tag)
        if "itemscope" in told and self._count < MAX_ITEMS:
            self._count += 1
            level.item = {"@type": told.get("itemtype", "").rstrip("/").rpartition("/")[2]}
            owner = self._owner()
            if names and owner is not None:
                _add(owner, names, level.item)
            else:
                self.found.append(level.item)
        elif names:
            given = told.get("content") or told.get(_VALUES.get(tag, ""), "")
            if given:
                self._set(names, given)
            else:
                level.names = names
        if not is_void:
            self._levels.append(level)

    def text(self, text: str) -> None:
        for level in self._levels:
            if level.names:
                level.parts.append(text)

    def closed(self, tag: str) -> None:
        if all(level.tag != tag for level in self._levels):
            return
        while self._levels:
            level = self._levels.pop()
            if level.names:
                self._set(level.names, " ".join("".join(level.parts).split()))
            if level.tag == tag:
                break

    def _set(self, names: tuple[str, ...], value: str) -> None:
        owner = self._owner()
        if owner is not None and value:
            _add(owner, names, value[:LONGEST])

    def _owner(self) -> dict[str, object] | None:
        return next((level.item for level in reversed(self._levels) if level.item is not None), None)


def _add(owner: dict[str, object], names: tuple[str, ...], value: object) -> None:
    for name in names:
        if name in owner:
            before = owner[name]
            owner[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            owner[name] = value
