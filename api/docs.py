"""The docs page: every operation of an OpenAPI description as plain HTML. No script and nothing from elsewhere."""

import json
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }
summary { cursor: pointer; padding: .4rem 0 } code, pre { font: 14px/1.4 ui-monospace, monospace }
pre { background: #f4f4f2; padding: .8rem; overflow: auto }
.method { display: inline-block; width: 5rem; font-weight: 700 }
details { border-top: 1px solid #ddd } .said { color: #555 } a { color: #0b5394 }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #eee } pre { background: #222 }
.said { color: #aaa } details { border-color: #333 } a { color: #8ab4f8 } }
"""


def page(described: dict[str, Any]) -> str:
    """The whole page."""
    title = escape(described["info"]["title"])
    operations = "".join(
        _operation(path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    )
    schemas = "".join(
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_json(schema)}</details>'
        for name, schema in described.get("components", {}).get("schemas", {}).items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>Version {escape(described['info']['version'])}. "
        'The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"<h2>Operations</h2>{operations}<h2>Schemas</h2>{schemas}</html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    told = escape(operation.get("description") or operation.get("summary", ""))
    parts = {name: operation[name] for name in ("parameters", "requestBody", "responses") if name in operation}
    return (
        f'<details><summary><span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
        f'<span class="said">{told}</span></summary>{_json(parts)}</details>'
    )


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
