"""Names of schemas: two classes of one name are told apart by their module, in a word a client can use for a class."""

import json
from typing import Any

REF = "#/components/schemas/"


def plain(described: dict[str, Any]) -> dict[str, Any]:
    """The description with `api__core__dashboard__MerchantOut` as `DashboardMerchantOut`."""
    schemas = described["components"]["schemas"]
    renamed = {name: _short(name) for name in schemas if "__" in name}
    if not renamed:
        return described
    text = json.dumps(described)
    for name, short in renamed.items():
        text = text.replace(f'"{REF}{name}"', f'"{REF}{short}"')
    found: dict[str, Any] = json.loads(text)
    found["components"]["schemas"] = {
        renamed.get(name, name): {**schema, "title": renamed[name]} if name in renamed else schema
        for name, schema in found["components"]["schemas"].items()
    }
    return found


def _short(name: str) -> str:
    *_, module, own = name.split("__")
    return "".join(word.capitalize() for word in module.split("_")) + own
