"""One run: how it stands, its timeline, its steps, what was said in it, and what it says now."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ...facade.runs import RunsFacade
from ..context import HEARTBEAT, InContext, LastEventId, Runs
from ..errors import refuse
from ..frames import METADATA, Frames, position_of
from ..long_answers import LongAnswer
from ..replies import Json
from ..sse import STREAMED
from ..streams import sent
from . import views
from .existing import existing_run, shown_run
from .gathering import gathered

router = APIRouter(prefix="/ui/threads/{thread_id}/runs/{run_id}", include_in_schema=False)

_MODES = (METADATA, "messages-tuple", "custom")
"""What a run says. What else its stream has (its whole state, again and again) the page does not need."""
_STEPS = 200
_EVENTS = 2000
"""Of one part of a timeline: it is drawn as it comes."""
_REST = 0.2
"""Seconds. Text that grows five times a second reads as fluently as one that grows with each token."""


@router.get("")
async def get_run(
    thread_id: str, run_id: str, runs: Runs, after: Annotated[int | None, Query(ge=0)] = None
) -> Response:
    """How it stands, and why; with `after` also what has happened since then."""
    shown = await shown_run(runs, await existing_run(runs, thread_id, run_id))
    return Json(shown if after is None else {**shown, "timeline": await _timeline(runs, run_id, after)})


@router.get("/asked")
async def get_asked(thread_id: str, run_id: str, runs: Runs) -> Response:
    """What it was asked to be."""
    await existing_run(runs, thread_id, run_id)
    return Json(views.settings_of(await runs.get_spec(run_id)))


@router.get("/timeline")
async def get_timeline(thread_id: str, run_id: str, runs: Runs, after: Annotated[int, Query(ge=0)] = 0) -> Response:
    """What happened in it, without contents."""
    await existing_run(runs, thread_id, run_id)
    return Json(await _timeline(runs, run_id, after))


async def _timeline(runs: RunsFacade, run_id: str, after: int) -> dict[str, Any]:
    return views.timeline(await runs.overview.timeline(run_id, after=after, limit=_EVENTS))


@router.get("/steps")
async def get_steps(
    thread_id: str,
    run_id: str,
    runs: Runs,
    limit: Annotated[int, Query(ge=1, le=_STEPS)] = 50,
    before: str | None = None,
) -> Response:
    """Its checkpoints, the newest first."""
    await existing_run(runs, thread_id, run_id)
    found = await runs.overview.steps(run_id, limit=limit, before=before or None)
    return Json({"steps": [views.step(one) for one in found.steps], "more": found.more})


@router.get("/events/{seq}")
async def get_event(thread_id: str, run_id: str, seq: int, runs: Runs) -> Response:
    """The content of one event."""
    await existing_run(runs, thread_id, run_id)
    found = await runs.list_events(run_id, after=seq - 1, before=seq + 1, limit=1)
    if not found:
        raise refuse(404, f"Event {seq} of run {run_id} not found")
    return Json(found[0].model_dump(mode="json"))


@router.get("/stream", responses=STREAMED)
async def follow_run(thread_id: str, run_id: str, context: InContext, last_event_id: LastEventId = None) -> Response:
    """What it says, from its beginning or after an event. Who looks on holds no run, and leaves without a trace."""
    await existing_run(context.runs, thread_id, run_id)
    frames = Frames(_MODES, position_of(last_event_id))
    stream = await context.runs.join_stream(run_id, last_event_id=frames.after, heartbeat_interval=HEARTBEAT)
    return LongAnswer(context, gathered(sent(context, run_id, stream, frames), _REST))
