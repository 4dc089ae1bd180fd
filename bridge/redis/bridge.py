"""Streams in Redis or Valkey, for all processes that reach it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from ...contracts.errors import RunNotFoundError, UnavailableError
from ...contracts.types import Stop, StreamEvent
from ..contract import Bridge, NewEvent, StreamSize
from ..line import unavailable
from ..publishing import Publishing
from ..stream import Excerpt, StoredEvent, stop_level
from ..subscription import await_stop, follow
from ..tails import Tails
from ..watches import Topic, Watch
from .address import RedisAddress
from .appending import Appending
from .keys import Keys
from .leases import Leases
from .line import RedisLine
from .link import LINK_ERRORS, Link
from .listener import Listener
from .scripts import CLEAN_UP, CREATE, READ, SERVER, SIZE, STOP, TRIM
from .server import check_server, run_id_of

# One read: enough to be quick over a long history, little enough for hundreds of slow readers to hold.
_EXCERPT_EVENTS = 500
_EXCERPT_BYTES = 2**20
_SCANNED = 1000
"""Keys that the server looks at in one step through all of them; it stands still meanwhile."""
_PAGE = 50
"""Events that the server looks up at once, of which the last may be beyond what is read."""
_COUNTED = 5000
"""Events that the server counts in one step, unless they are large; it stands still meanwhile."""
_WRITES, _READS = 200, 20
"""Calls of one pipeline."""
_READERS_PATIENCE = 30.0
"""Seconds: what a reader is about to read may be longer in coming than others wait."""


@dataclass(frozen=True, slots=True)
class _Open:
    writes: RedisLine
    reads: RedisLine
    listener: Listener
    publishing: Publishing
    leases: Leases


class RedisBridge(Bridge):
    """Three connections: one for what is written, in order; one for what is read; one that hears what has changed.

    A server that is restarted, or replaced by its Sentinels, is waited for; one that stays away raises
    `UnavailableError`, and later calls work again.
    """

    def __init__(self, url: str) -> None:
        """Raises `ConfigError`."""
        self._address = RedisAddress(url)
        self._keys = Keys(self._address.prefix)
        self._tails = Tails()
        self._parts: _Open | None = None

    async def start(self) -> None:
        """Raises `UnavailableError`, or `ConfigError` for a server that is none for us."""
        if self._parts is not None:
            return
        writes, reads = RedisLine(self._address, calls=_WRITES), RedisLine(self._address, calls=_READS)
        try:
            writes.start(link := await Link.open(self._address))
            check_server(link.info, self._address.shown)
            reads.start(await Link.open(self._address))
        except BaseException as exc:
            await asyncio.gather(writes.close(), reads.close())
            if isinstance(exc, LINK_ERRORS):
                raise unavailable(self._address.shown, exc) from exc
            raise
        listener = Listener(self._address, self._keys)
        listener.start()
        leases = Leases(self._keys, writes, reads)
        self._parts = _Open(writes, reads, listener, Publishing(Appending(self._keys, writes).send), leases)

    async def close(self) -> None:
        parts, self._parts = self._parts, None
        if parts is not None:
            parts.listener.end_waits()
            await asyncio.shield(asyncio.gather(parts.listener.close(), parts.writes.close(), parts.reads.close()))

    async def create(self, run_id: str) -> None:
        await self._create(run_id, again=False)

    async def create_again(self, run_id: str) -> None:
        await self._create(run_id, again=True)

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        return await self._open.publishing.publish(run_id, events, fence=fence)

    def writes_as(self, run_id: str, *, attempt: int, fence: int) -> None:
        self._open.publishing.writes_as(run_id, attempt, fence)

    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        return await self._open.publishing.publish(run_id, [event], fence=fence, terminal=True)

    def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        async def read(position: int) -> Excerpt:
            words = READ.call(self._keys.all(run_id)[:2], position, _EXCERPT_EVENTS, _EXCERPT_BYTES, _PAGE)
            answer = await self._open.reads.call(words, patience=_READERS_PATIENCE)
            if not answer:
                raise RunNotFoundError(run_id)
            *head, found = answer
            number, first, last, ended = map(int, head)
            events = [StoredEvent(int(id.partition(b"-")[0]), name.decode(), data) for id, name, data in found]
            return Excerpt(number, first, last, bool(ended), events)

        return follow(
            run_id,
            last_event_id,
            heartbeat_interval,
            watch=partial(self._watch, run_id, Topic.STREAM),
            read=read,
            tails=self._tails,
        )

    async def last_event_id(self, run_id: str) -> int:
        last = await self._open.reads.call(("HGET", self._keys.head(run_id), "last"))
        if last is None:
            raise RunNotFoundError(run_id)
        return int(last)

    async def size(self, run_id: str) -> StreamSize:
        events, data, position = 0, 0, b"0-0"
        while position:
            words = SIZE.call(self._keys.all(run_id)[:2], position, _COUNTED, _EXCERPT_BYTES, _PAGE)
            answer = await self._open.reads.call(words, patience=_READERS_PATIENCE)
            if not answer:
                raise RunNotFoundError(run_id)
            events, data, position = events + answer[0], data + answer[1], answer[2]
        return StreamSize(events, data)

    async def cancel(self, run_id: str, *, stop: Stop = Stop.NOW) -> None:
        words = STOP.call([self._keys.head(run_id)], self._keys.channel(run_id), stop_level(stop))
        await self._open.writes.call(words, of=run_id)

    async def stop_requested(self, run_id: str, *, beyond: Stop | None = None) -> Stop:
        async def read() -> int:
            return int(await self._open.reads.call(("HGET", self._keys.head(run_id), "stop")) or 0)

        return await await_stop(beyond, watch=partial(self._watch, run_id, Topic.STOP), read=read)

    async def attend(self, run_id: str, lease: float) -> None:
        await self._open.leases.attend(run_id, lease)

    async def leave(self, run_id: str) -> None:
        await self._open.leases.leave(run_id)

    async def abandoned(self) -> list[str]:
        return await self._open.leases.abandoned()

    async def trim(self, run_id: str, *, before: int) -> None:
        await self._open.writes.call(TRIM.call(self._keys.all(run_id)[:2], before), of=run_id)

    async def cleanup(self, run_id: str) -> None:
        parts = self._open
        parts.publishing.forget(run_id)
        await parts.writes.call(CLEAN_UP.call(self._keys.all(run_id), self._keys.channel(run_id)), of=run_id)

    async def held(self) -> AsyncGenerator[str]:
        cursor = b"0"
        while True:
            words = ("SCAN", cursor, "MATCH", self._keys.heads, "COUNT", _SCANNED)
            cursor, found = await self._open.reads.call(words)
            for head in found:
                yield self._keys.run_of(head.decode())
            if cursor == b"0":
                return

    async def losses(self) -> str | None:
        reads = self._open.reads
        info, mended = await asyncio.gather(reads.call(("INFO", "server")), reads.call(("GET", self._keys.mended)))
        server = run_id_of(info)
        return None if mended is not None and mended.decode() == server else server

    async def mended(self, losses: str) -> None:
        await self._open.writes.call(("SET", self._keys.mended, losses))

    async def _create(self, run_id: str, *, again: bool) -> None:
        # Not a counter of the server's: that would be a key of another slot.
        words = CREATE.call([self._keys.head(run_id)], SERVER, secrets.randbits(62), int(again))
        await self._open.writes.call(words, of=run_id)

    def _watch(self, run_id: str, topic: Topic) -> AbstractContextManager[Watch]:
        return self._open.listener.watch((run_id, topic))

    @property
    def _open(self) -> _Open:
        if self._parts is None:
            raise UnavailableError(
                f"the bridge at {self._address.shown} is not open: `start` comes first, `close` ends it"
            )
        return self._parts
