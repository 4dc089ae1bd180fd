"""Threads: `/threads`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from ..contracts.threads import ThreadDetails
from .callers import of_the_filter
from .context import Runs
from .errors import refuse
from .ids import ThreadId, assistant_of, new_id
from .reading import existing
from .replies import Json, page, selected
from .state_updates import apply_supersteps
from .thread_bodies import ThreadCount, ThreadCreate, ThreadPatch, ThreadPrune, ThreadSearch
from .thread_views import Thread, extracted, shown_thread, statuses_of

router = APIRouter(tags=["Threads"])

_PAGE = 10
_LEAN = {"thread_id", "created_at", "updated_at", "state_updated_at", "metadata", "status", "config"}
"""Fields of a thread that are told without its values."""
Prefer = Annotated[str | None, Header()]


@router.post("/threads", response_model=Thread)
async def create_thread(body: ThreadCreate, runs: Runs) -> Response:
    """Create a thread."""
    metadata = dict(body.metadata or {})
    graph = metadata.get("graph_id")
    if graph is not None:
        metadata.setdefault("assistant_id", assistant_of(str(graph)))
    if body.supersteps and graph is None:
        raise refuse(422, "supersteps: they need metadata.graph_id, the graph whose state they are")
    thread = await runs.create_thread(
        body.thread_id or new_id(),
        metadata=metadata,
        assistant_id=None if graph is None else str(graph),
        if_exists=body.if_exists or "raise",
    )
    if body.supersteps:
        await apply_supersteps(runs, thread.thread_id, body.supersteps)
        return Json(shown_thread(await existing(runs, thread.thread_id)))
    return Json(shown_thread(thread))


@router.post("/threads/search", response_model=list[Thread])
async def search_threads(body: ThreadSearch, runs: Runs) -> Response:
    """Find threads; by default the newest first."""
    offset = body.offset or 0
    with of_the_filter() as matching:
        found = await runs.search_threads(
            matching=matching,
            ids=body.ids,
            status=statuses_of(body.status),
            metadata=body.metadata,
            values=body.values,
            sort_by=body.sort_by or "created_at",
            descending=body.sort_order != "asc",
            limit=body.limit or _PAGE,
            offset=offset,
            with_values=not body.select or bool(body.extract) or not _LEAN.issuperset(body.select),
        )
    return page([_row(thread, body) for thread in found.threads], total=found.total, offset=offset)


def _row(thread: ThreadDetails, body: ThreadSearch) -> Any:
    shown = shown_thread(thread)
    row = dict(selected(shown, body.select))
    return {**row, "extracted": extracted(shown, body.extract)} if body.extract else row


@router.post("/threads/count", response_model=int)
async def count_threads(body: ThreadCount, runs: Runs) -> Response:
    """How many threads there are."""
    with of_the_filter() as matching:
        count = await runs.count_threads(
            matching=matching, status=statuses_of(body.status), metadata=body.metadata, values=body.values
        )
    return Json(count)


@router.post("/threads/{thread_id}/copy", response_model=Thread)
async def copy_thread(thread_id: ThreadId, runs: Runs) -> Response:
    """Copy a thread, with its history. The copy is the caller's."""
    return Json(shown_thread(await runs.copy_thread(thread_id)))


@router.post("/threads/prune")
async def prune_threads(body: ThreadPrune, runs: Runs) -> Response:
    """Remove threads, or their history. Those that there are not do not count."""
    prune = runs.prune_thread if body.strategy == "keep_latest" else runs.delete_thread
    return Json({"pruned_count": sum([await prune(thread_id) for thread_id in dict.fromkeys(body.thread_ids)])})


@router.get("/threads/{thread_id}", response_model=Thread)
async def get_thread(thread_id: ThreadId, runs: Runs) -> Response:
    """A thread, with its values."""
    return Json(shown_thread(await existing(runs, thread_id)))


@router.patch("/threads/{thread_id}", response_model=Thread)
async def update_thread(thread_id: ThreadId, body: ThreadPatch, runs: Runs, prefer: Prefer = None) -> Response:
    """Merge metadata into a thread's."""
    await runs.update_thread(thread_id, body.metadata or {})
    if prefer is not None and "return=minimal" in prefer:
        return Response(status_code=204)
    return Json(shown_thread(await existing(runs, thread_id)))


@router.delete("/threads/{thread_id}", status_code=204)
async def delete_thread(thread_id: ThreadId, runs: Runs) -> Response:
    """Remove a thread. Its runs are stopped before."""
    if not await runs.delete_thread(thread_id):
        raise refuse(404, f"Thread with ID {thread_id} not found")
    return Response(status_code=204)
