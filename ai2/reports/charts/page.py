"""A page of charts: one file that needs nothing else, each chart with its words and its table.

The script of Vega goes into it from the drawer; texts of the books are data in it and never markup or script.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from html import escape

from ai2.reports.charts.drawer import draw
from ai2.reports.charts.model import Chart, Spec, Value
from ai2.reports.charts.words import money

# The page has an origin of its own, so that its scripts reach nothing of ours; and no address but itself.
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
)
# Where Vega's script would lead elsewhere: an editor that is never offered, names of schemas, help in its messages.
ELSEWHERE = re.compile(r"https?://(?!www\.w3\.org/)[^\s\"'`\\)]*")
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 Helvetica, Arial, "Liberation Sans", sans-serif; color: #1F2933; background: #fff;
  max-width: 820px; margin: 32px auto; padding: 0 20px; }
h1 { font-size: 22px; margin: 0 0 20px; }
section { margin: 0 0 48px; }
figure { margin: 0; overflow-x: auto; }
p.summary { color: #52606D; max-width: 70ch; }
details { margin-top: 12px; }
summary { cursor: pointer; color: #0072B2; }
table { border-collapse: collapse; margin-top: 12px; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #52606D; padding-bottom: 6px; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid #E4E7EB; text-align: left; vertical-align: top; }
th.amount, td.amount { text-align: right; white-space: nowrap; }
@media print { details > * { display: block; } }
"""


async def page(title: str, charts: Sequence[Chart]) -> str:
    """The charts as a page, pointed at to be told more."""
    script = ELSEWHERE.sub("#", (await draw({}, "bundle")).decode()).replace("</script", "<\\/script")
    sections = "".join(_section(number, chart) for number, chart in enumerate(charts))
    specs = _in_script([_plain(chart.spec) for chart in charts])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY.partition("; ")[2])}">'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"{sections or '<p>There is nothing to show.</p>'}"
        f'<script type="module">{script}\n'
        f"const specs = {specs};\n"
        "const options = { mode: 'vega-lite', renderer: 'svg', actions: { export: true, source: false, "
        "compiled: false, editor: false } };\n"
        "specs.forEach((spec, at) => window.vegaEmbed('#chart-' + at, spec, options));\n"
        "</script></body></html>"
    )


def _section(number: int, chart: Chart) -> str:
    return (
        f'<section aria-labelledby="title-{number}">'
        f'<h2 id="title-{number}" hidden>{escape(chart.title)}</h2>'
        f'<figure><div id="chart-{number}" role="img" aria-label="{escape(chart.summary)}"></div></figure>'
        f'<p class="summary">{escape(chart.summary)}</p>'
        f"<details open><summary>The same as a table</summary>{table(chart)}</details></section>"
    )


def table(chart: Chart) -> str:
    """The chart's data as a table of HTML; amounts are exact."""
    is_amount = [any(isinstance(row[at], Decimal) for row in chart.rows) for at in range(len(chart.columns))]
    ways = [' class="amount"' if each else "" for each in is_amount]
    head = "".join(f'<th scope="col"{way}>{escape(name)}</th>' for name, way in zip(chart.columns, ways, strict=True))
    body = "".join(
        f'<tr><th scope="row">{_text(row[0], chart.currency)}</th>'
        + "".join(f"<td{way}>{_text(each, chart.currency)}</td>" for each, way in zip(row[1:], ways[1:], strict=True))
        + "</tr>"
        for row in chart.rows
    )
    caption = f"<caption>{escape(chart.title)}; amounts in {escape(chart.currency)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: Value, currency: str) -> str:
    if isinstance(value, Decimal):
        return money(value, currency).removesuffix(f" {currency}")
    return escape(value) if value is not None else ""


def _plain(spec: Spec) -> Spec:
    return {key: value for key, value in spec.items() if key != "$schema"}


def _in_script(value: object) -> str:
    """JSON that ends no script and begins no markup, whatever is in it."""
    text = json.dumps(value, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
