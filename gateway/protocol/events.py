"""`POST /threads/{thread_id}/stream/events`: what happens on a thread, from its beginning, as server-sent events."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from ...contracts.errors import UnavailableError
from ..context import Context, InContext, LastEventId, prefix
from ..errors import refuse
from ..ids import ThreadId
from ..long_answers import LongAnswer
from ..sse import HEARTBEAT, STREAMED
from .bodies import Since, Unfit, json_of, since_of, wanted_of
from .entries import Wanted
from .feed import Feed, Feeds
from .reader import Reader
from .said import run_of
from .tape import seq_of

logger = logging.getLogger(__name__)

router = APIRouter(tags=["Thread protocol"])


async def feeds_of(request: Request) -> Feeds:
    """Of the gateway."""
    found = request.app.state.feeds
    assert isinstance(found, Feeds)
    return found


InFeeds = Annotated[Feeds, Depends(feeds_of)]


@router.post("/threads/{thread_id}/stream/events", responses=STREAMED)
async def stream_events(
    thread_id: ThreadId, context: InContext, feeds: InFeeds, request: Request, last_event_id: LastEventId = None
) -> Response:
    """Follow a thread: its runs so far, whoever has started them, and those to come. It does not end by itself."""
    body = await json_of(request)
    try:
        wanted = wanted_of(body)
        since = since_of(body, last_event_id)
    except Unfit as exc:
        raise refuse(400, str(exc)) from exc
    if await context.runs.get_thread(thread_id) is None:
        raise refuse(404, f"Thread with ID {thread_id} not found")
    location = {"Location": f"{prefix(request)}/threads/{thread_id}/stream/events"}
    return LongAnswer(context, _sent(context, feeds, thread_id, wanted, since), headers=location)


async def begun(feed: Feed, since: Since) -> Reader:
    """A reader that goes on where its client wants to."""
    if since.event_id is None:
        return Reader(feed, since.seq)
    known = feed.seq_of(since.event_id)
    run_id = run_of(since.event_id)
    if known is None and run_id is not None:
        known = await seq_of(feed.tape(), since.event_id, run_id)
    return Reader(feed, known or 0)


async def _sent(context: Context, feeds: Feeds, thread_id: str, wanted: Wanted, since: Since) -> AsyncGenerator[bytes]:
    with feeds.follow(thread_id) as feed:
        reader = await begun(feed, since)
        try:
            async with aclosing(reader.batches()) as batches:
                async for batch in batches:
                    if frames := [entry.frame for entry in batch if wanted.has(entry)]:
                        yield b"".join(frames)
                        reader.spoke()
                    elif reader.is_due:
                        yield HEARTBEAT
                        reader.spoke()
        except UnavailableError as exc:  # its client comes again
            logger.warning("a reader of thread %s is let go: %s", thread_id, exc)
