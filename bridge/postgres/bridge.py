"""Streams in a Postgres database, for all processes that reach it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...blocking.postgres_address import postgres_address
from ...contracts.errors import UnavailableError
from ...contracts.types import Stop, StreamEvent
from ..contract import Bridge, NewEvent, StreamSize
from ..line import Line, unavailable
from ..publishing import Append, Publishing
from ..stream import stop_level
from ..subscription import await_stop, follow
from ..tails import Tails
from ..watches import Topic, Watch
from .channels import channel_of
from .link import LINK_ERRORS, Link, Publish, Write
from .listener import Listener
from .reads import Reads
from .schema import set_up

_CALLS = 200
"""That one transaction publishes."""

_CREATE = "SELECT perdure_stream_create(%(run)s::text, %(again)s)"
_STOP = """
    WITH raised AS (
        UPDATE perdure_streams SET stop = %(level)s WHERE run_id = %(run)s AND stop < %(level)s RETURNING stream
    )
    SELECT pg_notify(%(channel)s::text, '') FROM raised
"""
_ATTEND = """
    UPDATE perdure_streams SET attended_until = clock_timestamp() + make_interval(secs => %(lease)s)
    WHERE run_id = %(run)s AND NOT ended
"""
_LEAVE = "UPDATE perdure_streams SET attended_until = NULL WHERE run_id = %(run)s"
_TRIM = "SELECT perdure_stream_trim(%(run)s::text, %(before)s::bigint)"
_CLEAN_UP = "SELECT perdure_stream_clean_up(%(run)s::text, %(channel)s::text)"
_MENDED = "UPDATE perdure_stream_losses SET mended = %(losses)s"
_TELL = "SELECT pg_notify(%(channel)s::text, '')"


@dataclass(frozen=True, slots=True)
class _Open:
    writes: Line[Publish | Write]
    publishing: Publishing
    reads: Reads
    listener: Listener


class PostgresBridge(Bridge):
    """One connection for what is written, in order, a few for what is read, and one that hears what has changed.

    A server that is restarted, or fails over, is waited for; one that stays away raises `UnavailableError`, and later
    calls work again.
    """

    def __init__(self, url: str, *, listen_url: str | None = None) -> None:
        """`listen_url`: the server without what may stand before it at `url`. Raises `ConfigError`."""
        self._address = postgres_address("bridge.url", url)
        self._direct = self._address if listen_url is None else postgres_address("bridge.listen_url", listen_url)
        self._tails = Tails()
        self._parts: _Open | None = None

    async def start(self) -> None:
        """Raises `UnavailableError`, or `ConfigError` for a database that cannot be used."""
        if self._parts is not None:
            return
        shown, reads = self._address.shown, Reads(self._address)
        connect = partial(Link.open, self._address)
        writes = Line[Publish | Write](connect, shown=shown, failures=LINK_ERRORS, most=_CALLS)
        try:
            await set_up(self._address)
            writes.start(await connect())
            await reads.open()
        except BaseException as exc:
            await asyncio.gather(writes.close(), reads.close())
            if isinstance(exc, LINK_ERRORS):
                raise unavailable(shown, exc) from exc
            raise
        listener = Listener(self._direct, shown, tell=self._tell, answers=reads.answer)
        self._parts = _Open(writes, Publishing(partial(_append, writes)), reads, listener)
        listener.start()

    async def close(self) -> None:
        parts, self._parts = self._parts, None
        if parts is not None:
            parts.listener.end_waits()
            await asyncio.shield(asyncio.gather(parts.listener.close(), parts.writes.close(), parts.reads.close()))

    async def create(self, run_id: str) -> None:
        await self._write(_CREATE, run_id, again=False)

    async def create_again(self, run_id: str) -> None:
        await self._write(_CREATE, run_id, again=True)

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        return await self._open.publishing.publish(run_id, events, fence=fence)

    def writes_as(self, run_id: str, *, attempt: int, fence: int) -> None:
        self._open.publishing.writes_as(run_id, attempt, fence)

    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        return await self._open.publishing.publish(run_id, [event], fence=fence, terminal=True)

    def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        return follow(
            run_id,
            last_event_id,
            heartbeat_interval,
            watch=partial(self._watch, run_id, Topic.STREAM),
            read=lambda position: self._open.reads.excerpt(run_id, position),
            tails=self._tails,
        )

    async def last_event_id(self, run_id: str) -> int:
        return await self._open.reads.last_id(run_id)

    async def size(self, run_id: str) -> StreamSize:
        return await self._open.reads.size(run_id)

    async def cancel(self, run_id: str, *, stop: Stop = Stop.NOW) -> None:
        await self._write(_STOP, run_id, level=stop_level(stop), channel=channel_of((run_id, Topic.STOP)))

    async def stop_requested(self, run_id: str, *, beyond: Stop | None = None) -> Stop:
        return await await_stop(
            beyond,
            watch=partial(self._watch, run_id, Topic.STOP),
            read=lambda: self._open.reads.stop_level(run_id),
        )

    async def attend(self, run_id: str, lease: float) -> None:
        await self._write(_ATTEND, run_id, lease=float(lease))

    async def leave(self, run_id: str) -> None:
        await self._write(_LEAVE, run_id)

    async def abandoned(self) -> list[str]:
        return await self._open.reads.abandoned()

    async def trim(self, run_id: str, *, before: int) -> None:
        await self._write(_TRIM, run_id, before=before)

    async def cleanup(self, run_id: str) -> None:
        self._open.publishing.forget(run_id)
        await self._write(_CLEAN_UP, run_id, channel=channel_of((run_id, Topic.STREAM)))

    async def held(self) -> AsyncGenerator[str]:
        page = await self._open.reads.held(0)
        while page:
            for _, run_id in page:
                yield run_id
            page = await self._open.reads.held(page[-1][0])

    async def losses(self) -> str | None:
        return await self._open.reads.losses()

    async def mended(self, losses: str) -> None:
        await self._open.writes.call(Write(_MENDED, {"losses": losses}))

    async def _write(self, statement: str, run_id: str, **parameters: Any) -> None:
        run_id.encode()  # a text that is none fails here, and not where others wait as well
        await self._open.writes.call(Write(statement, {"run": run_id, **parameters}), of=run_id)

    async def _tell(self, channel: str) -> None:
        await self._open.writes.call(Write(_TELL, {"channel": channel}))

    def _watch(self, run_id: str, topic: Topic) -> AbstractContextManager[Watch]:
        return self._open.listener.watch((run_id, topic))

    @property
    def _open(self) -> _Open:
        if self._parts is None:
            raise UnavailableError(
                f"the bridge at {self._address.shown} is not open: `start` comes first, `close` ends it"
            )
        return self._parts


async def _append(line: Line[Publish | Write], append: Append) -> tuple[str, int]:
    """What the server says to it."""
    answer = await line.call(Publish.of(append), of=append.batch.run_id, size=append.batch.size)
    word, _, value = answer.partition(" ")
    return word, int(value or 0)
