"""The thread protocol over one WebSocket: commands in; their answers and the events that were subscribed to, out.

An event is sent once, however many subscriptions want it. A later subscription is first told what it has missed.
What is done by a command is done as over HTTP, by the same door, so what its sender may do is asked each time.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from ...contracts.errors import PerdureError
from ...contracts.langgraph_http import Cors
from ..context import Context
from ..ids import is_assistant_id
from ..json_values import object_of
from ..replies import encode
from ..sockets import GONE, closed_with
from ..sse import PATIENCE
from .bodies import Since, Unfit, since_of, wanted_of
from .commands import broken_envelope, failure_of, success_of
from .entries import Wanted
from .events import begun
from .feed import Feeds
from .inner_calls import posted
from .strangers import is_anothers

logger = logging.getLogger(__name__)

router = APIRouter()

_LOOK = 0.5
"""Seconds between two looks for a thread that is about to be made."""
_FAILED, _RESTARTS, _LATER = 1011, 1012, 1013
"""Codes of a close that say that it was not the client."""
_GONE = 1006
"""The code for a socket that was found closed."""
_FAREWELL = 1.0
"""Seconds that a close may take."""

Params = Mapping[str, Any]


@router.websocket("/threads/{thread_id}/stream/events")
async def speak(websocket: WebSocket, thread_id: str) -> None:
    """For as long as its client wants."""
    await websocket.accept()
    context, feeds = cast("Context", websocket.app.state.context), cast("Feeds", websocket.app.state.feeds)
    if not _is_from_here(websocket, cast("Cors", websocket.app.state.cors)):
        await closed_with(websocket.send, 403, "pages of this origin are not let in (gateway.cors_origins)")
    elif not is_assistant_id(thread_id):
        await closed_with(websocket.send, 422, "Invalid thread ID: must be a UUID")
    else:
        await _Conversation(websocket, context, feeds, thread_id).hold()


def _is_from_here(websocket: WebSocket, cors: Cors) -> bool:
    """A browser lets any page open a socket, and says only which page it is."""
    origin = websocket.headers.get("origin")
    if origin is None or "*" in cors.allow_origins or origin in cors.allow_origins:
        return True
    regex = cors.allow_origin_regex
    is_allowed = regex is not None and re.fullmatch(regex, origin) is not None
    return is_allowed or urlsplit(origin).netloc == websocket.headers.get("host")


class _Conversation:
    def __init__(self, websocket: WebSocket, context: Context, feeds: Feeds, thread_id: str) -> None:
        self._websocket = websocket
        self._context = context
        self._feeds = feeds
        self._thread_id = thread_id
        self._subscriptions: dict[str, Wanted] = {}
        self._seq = 0
        """The last event that was read for the client."""
        self._turn = asyncio.Lock()
        """One speaks about events at a time."""
        self._reading: asyncio.Task[None] | None = None

    async def hold(self) -> None:
        """Until one of both leaves."""
        try:
            with self._context.kept_open():
                if await is_anothers(self._context.runs, self._thread_id):
                    await closed_with(self._websocket.send, 404, f"Thread with ID {self._thread_id} not found")
                else:
                    await self._listen()
        except WebSocketDisconnect:
            pass
        except PerdureError as exc:
            logger.warning("a socket of thread %s is closed: %s", self._thread_id, exc)
            await self._leave(_FAILED)
        except TimeoutError:
            logger.info("a reader of thread %s has taken nothing for %g s; it is let go", self._thread_id, PATIENCE)
            await self._leave(_LATER)
        except asyncio.CancelledError:
            if not self._context.closing:
                raise
            await self._leave(_RESTARTS)
        finally:
            if self._reading is not None:
                self._reading.cancel()

    async def _leave(self, code: int) -> None:
        """Its client may come again."""
        with suppress(TimeoutError, *GONE):
            async with asyncio.timeout(_FAREWELL):
                await self._websocket.close(code)

    async def _listen(self) -> None:
        while not self._context.closing:  # a command that was cut off has been answered
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            answer = await self._answer(message.get("text"))
            async with self._turn:
                await self._send(encode(answer))
        await self._leave(_RESTARTS)

    async def _answer(self, text: str | None) -> Mapping[str, Any]:
        """`text`: `None` for a binary frame."""
        if text is None:
            return failure_of(None, "invalid_argument", "Protocol commands must be text frames.")
        try:
            body = orjson.loads(text)
        except orjson.JSONDecodeError:
            return failure_of(None, "invalid_argument", "Protocol commands must be valid JSON.")
        if (broken := broken_envelope(body)) is not None:
            return broken
        match body["method"]:
            case "subscription.subscribe" | "subscription.reconnect" | "subscription.unsubscribe":
                return await self._on_subscriptions(body)
            case _:
                return await self._passed_on(body)

    async def _on_subscriptions(self, body: Params) -> Mapping[str, Any]:
        params = object_of(body.get("params"))
        try:
            if body["method"] == "subscription.unsubscribe":
                if self._subscriptions.pop(str(params.get("subscription_id")), None) is None:
                    named = f"Unknown subscription: {params.get('subscription_id')}"
                    return failure_of(body["id"], "no_such_subscription", named)
                return success_of(body["id"], {}, self._seq)
            wanted, since = wanted_of(params), _since(params, is_again=body["method"] == "subscription.reconnect")
        except Unfit as exc:
            return failure_of(body["id"], "invalid_argument", str(exc))
        id = params.get("subscription_id") or str(uuid.uuid4())
        replayed = await self._subscribe(str(id), wanted, since)
        return success_of(body["id"], {"subscription_id": id, "replayed_events": replayed}, self._seq)

    async def _subscribe(self, id: str, wanted: Wanted, since: Since) -> int:
        if self._reading is None:
            self._subscriptions[id] = wanted
            self._reading = asyncio.create_task(self._read(since))
            return 0
        async with self._turn:
            replayed = await self._repeat(wanted, since)
            self._subscriptions[id] = wanted
        return replayed

    async def _repeat(self, wanted: Wanted, since: Since) -> int:
        """What one subscription has missed; the others wait."""
        replayed = 0
        with self._feeds.follow(self._thread_id) as feed:
            reader = await begun(feed, since)
            if reader.seq >= self._seq:
                return 0
            async with aclosing(reader.batches()) as batches:
                async for batch in batches:
                    missed = [entry for entry in batch if entry.seq <= self._seq and wanted.has(entry)]
                    for entry in missed:
                        await self._send(entry.event)
                    replayed += len(missed)
                    if not batch or batch[-1].seq >= self._seq:
                        break
        return replayed

    async def _read(self, since: Since) -> None:
        try:
            while await self._context.runs.get_thread(self._thread_id) is None:  # noqa: ASYNC110 - it is in the store
                await asyncio.sleep(_LOOK)
            await self._follow(since)
            await closed_with(self._websocket.send, 404, f"Thread with ID {self._thread_id} not found")
        except (PerdureError, TimeoutError) as exc:
            logger.warning("a reader of thread %s is let go: %s", self._thread_id, exc)
            await self._leave(_FAILED)
        except GONE:  # `hold` hears of it, too
            return
        except Exception:
            logger.exception("a reader of thread %s is let go", self._thread_id)
            await self._leave(_FAILED)

    async def _follow(self, since: Since) -> None:
        with self._feeds.follow(self._thread_id) as feed:
            reader = await begun(feed, since)
            async with aclosing(reader.batches()) as batches:
                async for batch in batches:
                    async with self._turn:
                        for entry in batch:
                            if any(wanted.has(entry) for wanted in self._subscriptions.values()):
                                await self._send(entry.event)
                        self._seq = reader.seq
                    if not batch:
                        reader.spoke()

    async def _send(self, text: bytes) -> None:
        """Raises `WebSocketDisconnect` where one of both has closed it."""
        async with asyncio.timeout(PATIENCE):
            try:
                await self._websocket.send({"type": "websocket.send", "text": text.decode()})
            except GONE as exc:
                raise WebSocketDisconnect(_GONE) from exc

    async def _passed_on(self, body: Params) -> Mapping[str, Any]:
        path = self._websocket.scope["path"].removesuffix("/stream/events") + "/commands"
        status, answer = await posted(self._websocket.app, self._websocket.scope, path, encode(body))
        if "type" not in answer:  # it was refused at the door
            return failure_of(body["id"], "unknown_error", f"{status}: {answer.get('detail')}")
        return {**answer, "meta": {"applied_through_seq": self._seq}} if answer["type"] == "success" else answer


def _since(params: Params, *, is_again: bool) -> Since:
    last = params.get("last_event_id")
    since = since_of(params, last if isinstance(last, str) else None)
    if is_again and params.get("since") is None and since == Since():
        raise Unfit("subscription.reconnect requires a non-negative integer since.")
    return since
