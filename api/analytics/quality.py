"""Pages for operators: the dbt models' documentation and Great Expectations' data docs; no tenant's data."""

from typing import Any

from fastapi import APIRouter, Response

from ai2.identity.principal import Principal
from ai2.reports.quality import pages
from ai2.reports.quality.pages import Site
from api.unit import Caller, Unit
from ml.governance import service as governance

router = APIRouter(prefix="/api/analytics/quality", tags=["quality"], route_class=Unit)
HTML: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "The page."}
}


@router.get("/dbt-docs", response_class=Response, responses=HTML)
async def show_dbt_docs(who: Caller) -> Response:
    """What each model and column of the marts is: one page that needs nothing else. For admins of operators."""
    return _page(who, "dbt-docs", "")


@router.get("/data-docs", response_class=Response, responses=HTML)
async def show_data_docs(who: Caller) -> Response:
    """What the data sets are held to, and what was found, as a page of links. For admins of operators."""
    return _page(who, "data-docs", "")


@router.get("/data-docs/{path:path}", response_class=Response, responses=HTML)
async def show_data_docs_page(path: str, who: Caller) -> Response:
    """A page of the data docs. For admins of operators."""
    return _page(who, "data-docs", path)


def _page(who: Principal, site: Site, path: str) -> Response:
    governance.check_operator(who)
    page = pages.read(site, path)
    return Response(page.content, headers=page.headers, media_type="text/html; charset=utf-8")
