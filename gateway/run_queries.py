"""Runs that are there: looked at, joined, stopped and removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ..contracts.errors import ThreadNotFoundError
from ..contracts.types import CancelAction, RunRecord, RunSpec, RunStatus
from ..facade.runs import RunsFacade
from .bodies import MOST
from .context import HEARTBEAT, Context, InContext, LastEventId, Runs
from .errors import refuse
from .frames import METADATA, Frames, position_of
from .ids import RunId, ThreadId
from .long_answers import LongAnswer
from .queries import modes_in_query, words_in_query
from .replies import Json, selected
from .run_bodies import RunsCancel
from .run_specs import asked_modes
from .run_views import Run, is_gone, shown_status, shown_with, statuses_of
from .runs import followed, locations
from .sse import STREAMED
from .streams import sent
from .waiting import padded

router = APIRouter(tags=["Thread runs"])

_PAGE = 10
_NOTHING = "No runs found to cancel."
_ENDED = "No matching runs to cancel. They have ended already."
_SHOWN = [status for status in RunStatus if status is not RunStatus.ROLLED_BACK]
Yes = Annotated[bool, Query()]


@router.get("/threads/{thread_id}/runs", response_model=list[Run])
async def list_runs(
    thread_id: ThreadId,
    context: InContext,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST)] = _PAGE,
    offset: Annotated[int, Query(ge=0)] = 0,
    status: str | None = None,
) -> Response:
    """The runs of a thread, the newest first."""
    select = words_in_query(request, "select")
    return await listed_runs(context, thread_id, limit=limit, offset=offset, status=status, select=select)


async def listed_runs(
    context: Context,
    thread_id: str,
    *,
    limit: int = _PAGE,
    offset: int = 0,
    status: str | None = None,
    select: Sequence[str] = (),
) -> Response:
    """Some of them. Raises 404 for the thread."""
    found: list[RunRecord] = []
    async for run in _runs_of(context.runs, thread_id, status, offset + limit):
        found.append(run)
        if len(found) == offset + limit:
            break
    if not found and await context.runs.get_thread(thread_id) is None:
        raise ThreadNotFoundError(thread_id)
    rows = found[offset:]
    asked = await asyncio.gather(*(context.requests.of(context.runs, run) for run in rows))
    return Json([selected(shown_with(*row), select) for row in zip(rows, asked, strict=True)])


async def _runs_of(runs: RunsFacade, thread_id: str, status: str | None, most: int) -> AsyncIterator[RunRecord]:
    """The newest first; of an unknown status there are none."""
    wanted = _SHOWN if status is None else statuses_of(status)
    if not wanted:
        return
    before: str | None = None
    while True:
        page = await runs.page_runs(thread_id, status=wanted, limit=most, before=before)
        for run in page.runs:
            if status in (None, shown_status(run)):
                yield run
        if page.next is None:
            return
        before = page.next


async def _spec(runs: RunsFacade, run: RunRecord) -> RunSpec:
    return await runs.get_spec(run.run_id)


async def existing_run(runs: RunsFacade, thread_id: str, run_id: str, detail: str = "Not Found") -> RunRecord:
    """Raises 404, also for one of another thread."""
    run = await runs.get_run(run_id)
    if run is None or run.thread_id != thread_id or is_gone(run):
        raise refuse(404, detail)
    return run


@router.get("/threads/{thread_id}/runs/{run_id}", response_model=Run)
async def get_run(thread_id: ThreadId, run_id: RunId, context: InContext) -> Response:
    """A run."""
    run = await existing_run(context.runs, thread_id, run_id)
    return Json(shown_with(run, await context.requests.of(context.runs, run)))


@router.delete("/threads/{thread_id}/runs/{run_id}", status_code=204)
async def delete_run(thread_id: ThreadId, run_id: RunId, runs: Runs) -> Response:
    """Remove a run; one that goes on is stopped before."""
    await existing_run(runs, thread_id, run_id, "Run not found")
    await runs.delete_run(run_id)
    return Response(status_code=204)


@router.get("/threads/{thread_id}/runs/{run_id}/join")
async def join_run(
    thread_id: ThreadId, run_id: RunId, context: InContext, request: Request, cancel_on_disconnect: Yes = False
) -> Response:
    """Wait for the values of a run."""
    run = await existing_run(context.runs, thread_id, run_id)
    if cancel_on_disconnect or (await _spec(context.runs, run)).on_disconnect == "cancel":
        stream = await context.runs.join_stream(run_id, holds=True)
        if not cancel_on_disconnect:  # it may be its client that comes back, or anybody else
            stream.hand_over()
        wait = partial(followed, context, stream, run_id)
    else:
        wait = partial(context.runs.join_wait, run_id)
    body = padded(wait, HEARTBEAT)
    headers = locations(request, run, "join")
    return LongAnswer(context, body, media_type="application/json", headers=headers)


@router.get("/threads/{thread_id}/runs/{run_id}/stream", responses=STREAMED)
async def join_run_stream(
    thread_id: ThreadId,
    run_id: RunId,
    context: InContext,
    request: Request,
    last_event_id: LastEventId = None,
    cancel_on_disconnect: Yes = False,
) -> Response:
    """Follow a run: from its beginning, or from after the last event that was seen."""
    run = await existing_run(context.runs, thread_id, run_id)
    return await followed_run(context, request, run, last_event_id, cancels=cancel_on_disconnect)


async def followed_run(
    context: Context, request: Request, run: RunRecord, last_event_id: str | None, *, cancels: bool
) -> Response:
    """A filter on modes leaves the rest out, `metadata` too."""
    spec = await _spec(context.runs, run)
    modes = modes_in_query(request) or (METADATA, *asked_modes(spec))
    frames = Frames(modes, position_of(last_event_id))
    # Who comes back holds its run as before.
    holds = cancels or (spec.on_disconnect == "cancel" and last_event_id is not None)
    stream = await context.runs.join_stream(
        run.run_id, last_event_id=frames.after, heartbeat_interval=HEARTBEAT, holds=holds
    )
    parts = sent(context, run.run_id, stream, frames)
    return LongAnswer(context, parts, headers=locations(request, run, "stream"))


@router.post("/threads/{thread_id}/runs/{run_id}/cancel", status_code=202)
async def cancel_run(
    thread_id: ThreadId,
    run_id: RunId,
    context: InContext,
    wait: Yes = False,
    action: CancelAction = CancelAction.INTERRUPT,
) -> Response:
    """Stop a run; `rollback` puts its thread back as it was before, and the run is gone then."""
    await existing_run(context.runs, thread_id, run_id, _NOTHING)
    if not await context.runs.cancel(run_id, action=action):
        raise refuse(404, _ENDED)
    if not wait:
        return Json({}, status_code=202)
    await context.runs.join_wait(run_id)
    return Json({})


@router.post("/runs/cancel", status_code=204)
async def cancel_runs(body: RunsCancel, runs: Runs, action: CancelAction = CancelAction.INTERRUPT) -> Response:
    """Stop runs: all of a status, or some of a thread."""
    if body.run_ids is not None and body.thread_id is not None:
        found = [await existing_run(runs, body.thread_id, run_id, _NOTHING) for run_id in body.run_ids]
    else:
        found = await _unended(runs, body.status or "all")
    stopped = await asyncio.gather(*(runs.cancel(run.run_id, action=action) for run in found))
    if not any(stopped):
        raise refuse(404, _ENDED if found else _NOTHING)
    return Response(status_code=204)


async def _unended(runs: RunsFacade, status: str) -> list[RunRecord]:
    """Those that are shown as this; those that wait for an answer are done, as the API has it."""
    wanted = ("pending", "running") if status == "all" else (status,)
    return [run for run in await runs.unended_runs() if shown_status(run) in wanted]


@router.get("/runs/{run_id}/stream", responses=STREAMED, tags=["Stateless runs"])
async def join_stateless_stream(
    run_id: RunId,
    context: InContext,
    request: Request,
    last_event_id: LastEventId = None,
    cancel_on_disconnect: Yes = False,
) -> Response:
    """Follow a run whose thread its client does not know."""
    run = await _anywhere(context.runs, run_id)
    return await followed_run(context, request, run, last_event_id, cancels=cancel_on_disconnect)


@router.get("/runs/{run_id}", response_model=Run, tags=["Stateless runs"])
async def get_stateless_run(run_id: RunId, context: InContext) -> Response:
    """A run whose thread its client does not know."""
    run = await _anywhere(context.runs, run_id)
    return Json(shown_with(run, await context.requests.of(context.runs, run)))


async def _anywhere(runs: RunsFacade, run_id: str) -> RunRecord:
    run = await runs.get_run(run_id)
    if run is None or is_gone(run):
        raise refuse(404, "Not Found")
    return run
