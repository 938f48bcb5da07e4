"""`ai2 docs`: shows operators the pages of `ai2.reports.quality.pages`, on this machine only."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import typer

from ai2.cli.output import console, problems

LOOPBACK = "127.0.0.1"
INDEX = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>AI2: pages for operators</title>
<h1>Pages for operators</h1><ul><li><a href="/dbt-docs/index.html">The models of the marts (dbt)</a></li>
<li><a href="/data-docs/index.html">What the data sets are held to (Great Expectations)</a></li></ul></html>"""


def docs(
    port: Annotated[int, typer.Option(help="Where to listen on this machine.")] = 3080,
) -> None:
    """Show the models' documentation and the data docs to a browser on this machine, until Ctrl-C."""
    with problems(), ThreadingHTTPServer((LOOPBACK, port), Pages) as server:
        console.print(f"http://{LOOPBACK}:{server.server_port}  (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("ended")


class Pages(BaseHTTPRequestHandler):
    """Answers for the pages; a page of another site that has its name lead here is answered nothing."""

    def do_GET(self) -> None:
        from ai2.kit.errors import NotFound
        from ai2.reports.quality import pages

        host = (self.headers.get("Host") or "").rpartition(":")[0]
        path = unquote(urlsplit(self.path).path).strip("/")
        if host not in (LOOPBACK, "localhost"):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"", {})
            return
        if not path:
            self._answer(HTTPStatus.OK, INDEX, {"Content-Security-Policy": pages.POLICIES["data-docs"]})
            return
        name, _, within = path.partition("/")
        site = next((each for each in pages.SITES if each == name), None)
        try:
            if site is None:
                raise pages.PageNotFound
            page = pages.read(site, within)
        except NotFound as problem:
            self._answer(
                HTTPStatus.NOT_FOUND, problem.detail.encode(), {"Content-Security-Policy": "default-src 'none'"}
            )
            return
        self._answer(HTTPStatus.OK, page.content, page.headers)

    def _answer(self, status: HTTPStatus, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        told = {"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", **headers}
        for name, value in {**told, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class names it
        """Nobody needs to know who looked."""
