"""All runs, page by page, and what the page is to know of its gateway."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ...contracts.threads import ThreadStatus
from ..callers import of_the_filter
from ..context import InContext, Runs
from ..queries import words_in_query
from ..replies import Json
from .views import now, row, thread_row

router = APIRouter(prefix="/ui", include_in_schema=False)

_MOST = 200


@router.get("/about")
async def about(context: InContext) -> Response:
    """What is served, and where Temporal's UI shows a workflow whose id is appended."""
    graphs = await context.runs.list_graphs(gone=True)
    return Json({"version": version("perdure"), "graphs": graphs, "temporal_ui": context.temporal_ui})


@router.get("/runs")
async def runs_of_all_threads(
    runs: Runs,
    request: Request,
    graph: str | None = None,
    thread: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
) -> Response:
    """A page of them, newest first, with why each stands still and its tokens; `next` is the next `before`."""
    status = words_in_query(request, "status")
    with of_the_filter() as matching:
        page = await runs.overview.page(
            thread,
            status=status,
            assistant_id=graph,
            since=since,
            until=until,
            matching=matching,
            limit=limit,
            before=before,
        )
        why = await runs.overview.explain(page.runs)
        tokens = await runs.overview.tokens(page.runs)
    shown = [row(run, why.get(run.run_id), tokens.get(run.run_id)) for run in page.runs]
    return Json({"runs": shown, "next": page.next, "at": now()})


@router.get("/threads")
async def threads(
    runs: Runs,
    status: ThreadStatus | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
) -> Response:
    """A page of threads, those that were touched last first, with the tokens of their runs."""
    with of_the_filter() as matching:
        found = await runs.search_threads(
            status=status, matching=matching, sort_by="updated_at", limit=limit, offset=offset, with_values=False
        )
    tokens = await runs.overview.thread_tokens([one.thread_id for one in found.threads])
    shown = [thread_row(one, tokens.get(one.thread_id)) for one in found.threads]
    return Json({"threads": shown, "total": found.total})
