"""Downloads: a report as a file to keep, print and pass on."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ai2.reports import service
from ai2.reports.model import Report
from ai2.reports.render.files import MEDIA_TYPES, File, render
from ai2.reports.render.page import POLICY
from ai2.reports.render.wording import file_name
from api.analytics.reports import Format, ReportOut, shown
from api.core.attachments import BYTES, disposition
from api.edge.deadline import in_time
from api.schemas import Body
from api.unit import Caller, Outside, Pool

# No transaction waits while a file is made, and not many files are made at once: each takes a core and its memory.
router = APIRouter(prefix="/api/analytics/reports", tags=["reports"], route_class=Outside)
RENDERING = ThreadPoolExecutor(2, thread_name_prefix="rendering")
OPERATION = "download_report"


class DownloadQuery(Body):
    """As which file."""

    format: Format


@router.get(
    "/{report_id}/download",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/ReportOut"}},
                **{kind.partition(";")[0]: {"schema": BYTES} for kind in MEDIA_TYPES.values()},
            },
        }
    },
)
async def download_report(
    report_id: UUID, pool: Pool, who: Caller, wanted: Annotated[DownloadQuery, Query()]
) -> Response:
    """A report as it was given out, as a file; json is what GET /reports/{report_id} gives.

    In csv and xlsx a text that a spreadsheet would compute has an apostrophe in front. The PDF is tagged (PDF/UA-1),
    the HTML page is whole in itself.
    """
    async with in_time(OPERATION):
        async with pool.transaction(who.organization_id, actor=who.actor) as db:
            report = await service.get(db, who.organization_id, report_id)
        making = partial(_file, report, wanted.format)
        file = await asyncio.get_running_loop().run_in_executor(RENDERING, making)
    headers = {
        "Content-Disposition": disposition(file.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": f"{POLICY}; sandbox",
    }
    return Response(file.content, headers=headers, media_type=file.media_type)


def _file(report: Report, format: Format) -> File:
    if format == "json":
        content = ReportOut.model_validate(shown(report)).model_dump_json().encode()
        return File(file_name(report, format), "application/json", content)
    return render(report, format)
