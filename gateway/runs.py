"""Runs: `/threads/{thread_id}/runs`, and `/runs` for those that have their thread to themselves."""

from __future__ import annotations

import asyncio
from enum import Enum
from functools import partial

from fastapi import APIRouter, Request, Response

from ..contracts.errors import UnknownGraphError
from ..contracts.types import RunRecord, RunSpec, WaitResult
from ..facade.run_stream import RunStream
from .context import HEARTBEAT, Context, IdempotencyKey, InContext, prefix
from .errors import refuse
from .frames import METADATA, Frames
from .ids import ThreadId
from .long_answers import LongAnswer
from .replies import Json
from .run_bodies import RunCreate, RunCreateStateless
from .run_creation import planned
from .run_specs import asked_modes
from .run_views import Run, shown_run
from .sse import STREAMED
from .streams import sent
from .waiting import padded

router = APIRouter()

_ON_THREAD: list[str | Enum] = ["Thread runs"]
_STATELESS: list[str | Enum] = ["Stateless runs"]


@router.post("/threads/{thread_id}/runs", response_model=Run, tags=_ON_THREAD)
async def create_run(
    thread_id: ThreadId, body: RunCreate, context: InContext, request: Request, key: IdempotencyKey = None
) -> Response:
    """Create a run in the background."""
    return await _create(context, request, await planned(context.runs, body, thread_id, key))


@router.post("/threads/{thread_id}/runs/stream", responses=STREAMED, tags=_ON_THREAD)
async def stream_run(
    thread_id: ThreadId, body: RunCreate, context: InContext, request: Request, key: IdempotencyKey = None
) -> Response:
    """Create a run and follow it."""
    return await _stream(context, request, await planned(context.runs, body, thread_id, key))


@router.post("/threads/{thread_id}/runs/wait", tags=_ON_THREAD)
async def wait_run(
    thread_id: ThreadId, body: RunCreate, context: InContext, request: Request, key: IdempotencyKey = None
) -> Response:
    """Create a run and wait for its values."""
    return await _wait(context, request, await planned(context.runs, body, thread_id, key))


@router.post("/runs", response_model=Run, tags=_STATELESS)
async def create_stateless_run(
    body: RunCreateStateless, context: InContext, request: Request, key: IdempotencyKey = None
) -> Response:
    """Create a run without a thread, in the background."""
    return await _create(context, request, await planned(context.runs, body, None, key))


@router.post("/runs/stream", responses=STREAMED, tags=_STATELESS)
async def stream_stateless_run(
    body: RunCreateStateless, context: InContext, request: Request, key: IdempotencyKey = None
) -> Response:
    """Create a run without a thread and follow it."""
    return await _stream(context, request, await planned(context.runs, body, None, key))


@router.post("/runs/wait", tags=_STATELESS)
async def wait_stateless_run(
    body: RunCreateStateless, context: InContext, request: Request, key: IdempotencyKey = None
) -> Response:
    """Create a run without a thread and wait for its values."""
    return await _wait(context, request, await planned(context.runs, body, None, key))


@router.post("/runs/batch", response_model=list[Run], tags=_STATELESS)
async def create_runs(body: list[RunCreateStateless], context: InContext) -> Response:
    """Create runs without threads, in the background: all of them, or none if one of them cannot be."""
    if not body:
        raise refuse(422, "the list of runs is empty")
    specs = [await planned(context.runs, one, None, None) for one in body]
    known = await context.runs.list_graphs(gone=True)
    if unknown := [spec.assistant_id for spec in specs if spec.assistant_id not in known]:
        raise UnknownGraphError(unknown[0], known)
    records = await asyncio.gather(*(context.runs.create_background(spec) for spec in specs))
    return Json([shown_run(record, spec) for record, spec in zip(records, specs, strict=True)])


async def _create(context: Context, request: Request, spec: RunSpec) -> Response:
    record = await context.runs.create_background(spec)
    return Json(shown_run(record, spec), headers=locations(request, record))


async def _stream(context: Context, request: Request, spec: RunSpec) -> Response:
    record, stream = await context.runs.create_and_stream(spec, heartbeat_interval=HEARTBEAT)
    frames = Frames({METADATA, *asked_modes(spec)})
    return LongAnswer(
        context, sent(context, record.run_id, stream, frames), headers=locations(request, record, "stream")
    )


async def _wait(context: Context, request: Request, spec: RunSpec) -> Response:
    if spec.on_disconnect == "cancel":
        record, stream = await context.runs.create_and_stream(spec)
        wait = partial(followed, context, stream, record.run_id)
    else:
        record = await context.runs.create_background(spec)
        wait = partial(context.runs.join_wait, record.run_id)
    body = padded(wait, HEARTBEAT)
    headers = locations(request, record, "join")
    return LongAnswer(context, body, media_type="application/json", headers=headers)


async def followed(context: Context, stream: RunStream, run_id: str) -> WaitResult:
    """The result of a run that its reader holds."""
    async with context.following(stream):
        async for _ in stream:
            pass
    return await context.runs.join_wait(run_id)


def locations(request: Request, run: RunRecord, follow: str | None = None) -> dict[str, str]:
    """Where the run is, and where it can be followed again."""
    place = f"{prefix(request)}/threads/{run.thread_id}/runs/{run.run_id}"
    return {"Content-Location": place, **({"Location": f"{place}/{follow}"} if follow else {})}
