"""The stream of a thread: all of its runs, one after the other, for as long as its client listens."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ..contracts.types import HEARTBEAT_EVENT, RunRecord, RunStatus
from ..facade.runs import RunsFacade
from .arrivals import told_within
from .bodies import MOST
from .context import HEARTBEAT as SILENCE
from .context import Context, InContext, LastEventId, prefix
from .errors import refuse
from .frames import METADATA, Frame, Frames
from .ids import ThreadId
from .json_values import number_in
from .long_answers import LongAnswer
from .queries import words_in_query
from .reading import existing
from .run_specs import asked_modes
from .sse import HEARTBEAT, STREAMED, encoded

router = APIRouter(tags=["Threads"])

_SERVED = ("run_modes", "lifecycle")


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a client has come: in the run that was created then (microseconds), up to this event."""

    created: int
    event: int = 0

    def __str__(self) -> str:
        return f"{self.created}-{self.event}"


@router.get("/threads/{thread_id}/stream", responses=STREAMED)
async def stream_thread(
    thread_id: ThreadId, context: InContext, request: Request, last_event_id: LastEventId = None
) -> Response:
    """Follow all runs of a thread, from now on or from after the last event that was seen."""
    await existing(context.runs, thread_id)
    modes = words_in_query(request, "stream_modes") or words_in_query(request, "stream_mode") or ["run_modes"]
    if unknown := [mode for mode in modes if mode not in _SERVED]:
        raise refuse(422, f"stream_modes: {unknown[0]!r} is none of {', '.join(_SERVED)}")
    since = _place(last_event_id, await _standing(context.runs, thread_id))
    sending = _sent(context, thread_id, since, whole="run_modes" in modes)
    location = {"Location": f"{prefix(request)}/threads/{thread_id}/stream"}
    return LongAnswer(context, sending, headers=location)


def _place(last_event_id: str | None, now: _Place) -> _Place:
    if last_event_id is None:
        return now
    if last_event_id in ("-", "-1", "0"):
        return _Place(0)
    created, _, event = last_event_id.partition("-")
    at, number = number_in(created), number_in(event)
    if at is None or number is None:
        raise refuse(422, "Last-Event-ID: the id of an event of this stream, or - for all of them")
    return _Place(at, number)


async def _standing(runs: RunsFacade, thread_id: str) -> _Place:
    """Where the thread stands: a run that goes on is told from its beginning, what ended before is not told again."""
    in_flight = await runs.page_runs(thread_id, status=[one for one in RunStatus if not one.terminal], limit=MOST)
    if in_flight.runs:
        return _Place(_created(in_flight.runs[-1]) - 1, _ENDED)
    newest = await runs.list_runs(thread_id, limit=1)
    return _Place(_created(newest[0]), _ENDED) if newest else _Place(0)


_ENDED = 2**62
"""After all events of a run."""


async def _sent(context: Context, thread_id: str, since: _Place, *, whole: bool) -> AsyncGenerator[bytes]:
    spoke = time.monotonic()
    with context.arrivals.told(thread_id) as arrived:
        while True:
            for run in await _later(context.runs, thread_id, since):
                async for part in _of_run(context, run, since if _created(run) == since.created else None, whole=whole):
                    yield part
                since, spoke = _Place(_created(run), _ENDED), time.monotonic()
            if time.monotonic() - spoke >= SILENCE:
                yield HEARTBEAT
                spoke = time.monotonic()
            await told_within(SILENCE, arrived)


async def _later(runs: RunsFacade, thread_id: str, since: _Place) -> list[RunRecord]:
    """The runs of which there is something to be told, the oldest first."""
    found: list[RunRecord] = []
    before: str | None = None
    while True:
        page = await runs.page_runs(thread_id, before=before)
        for run in page.runs:
            if _Place(_created(run), _ENDED) == since or _created(run) < since.created:
                return found[::-1]
            found.append(run)
        if page.next is None:
            return found[::-1]
        before = page.next


async def _of_run(context: Context, run: RunRecord, since: _Place | None, *, whole: bool) -> AsyncGenerator[bytes]:
    """Up to its end, which is told, too."""
    spec = await context.runs.get_spec(run.run_id)
    after = 0 if since is None else since.event
    frames = Frames({METADATA, *(asked_modes(spec) if whole else ())})
    number = 0
    stream = await context.runs.join_stream(run.run_id, heartbeat_interval=SILENCE)
    async with stream:
        async for event in stream:
            if event.event == HEARTBEAT_EVENT:
                yield HEARTBEAT
                continue
            number = int(event.id)
            for frame in frames.of(event):
                if number > after:
                    yield encoded(Frame(frame.event, frame.data, str(_Place(_created(run), number))))
    if number >= after:  # else its client has been told of the end, too
        done = {"status": "run_done", "run_id": run.run_id}
        yield encoded(Frame(METADATA, done, str(_Place(_created(run), number + 1))))


def _created(run: RunRecord) -> int:
    return int(run.created_at.timestamp() * 1_000_000)
