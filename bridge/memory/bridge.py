"""Streams in the memory of one process: for tests and for trying things out."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import inf
from threading import Lock

from ...contracts.errors import RunNotFoundError, UnavailableError
from ...contracts.types import Stop, StreamEvent
from ..contract import Bridge, NewEvent, StreamSize
from ..stream import LEAP, Excerpt, StoredEvent, check_writable, fresh_events, size_of, stop_level
from ..subscription import await_stop, follow
from ..tails import Tails
from ..watches import Topic, Watch, Watches

_EXCERPT = 500  # events


@dataclass(slots=True)
class _Stream:
    number: int
    events: list[StoredEvent] = field(default_factory=list[StoredEvent])
    keys: set[str] = field(default_factory=set[str])
    last_id: int = 0
    ended: bool = False
    fence: int = 0
    stop_level: int = 0
    attended_until: float = inf
    """By `time.monotonic`."""

    @property
    def first_id(self) -> int:
        return self.last_id + 1 - len(self.events)

    def append(self, events: Sequence[NewEvent]) -> None:
        for event in events:
            self.last_id += 1
            self.events.append(StoredEvent(self.last_id, event.event, event.data))

    def excerpt(self, position: int) -> Excerpt:
        start = max(0, position + 1 - self.first_id)
        events = self.events[start : start + _EXCERPT]
        return Excerpt(self.number, self.first_id, self.last_id, self.ended, events)


class MemoryStreams:
    """The streams that bridges share, each of which may be on an event loop of its own, in any thread."""

    def __init__(self) -> None:
        self.lock = Lock()
        """Held by each read and each write, which makes it a transaction, and never over an await."""
        self.by_run: dict[str, _Stream] = {}
        self.numbers = count(1)
        self.readers: set[Watches] = set()
        """Of each bridge that is open."""

    def find(self, run_id: str) -> _Stream:
        """Raises `RunNotFoundError`."""
        stream = self.by_run.get(run_id)
        if stream is None:
            raise RunNotFoundError(run_id)
        return stream

    def wake(self, run_id: str, topic: Topic) -> None:
        for watches in self.readers:
            watches.wake([(run_id, topic)])


class MemoryBridge(Bridge):
    """One handle of `streams`, or of streams of its own. Closing it ends its own iterations, and keeps the streams."""

    def __init__(self, streams: MemoryStreams | None = None) -> None:
        self._streams = streams or MemoryStreams()
        self._tails = Tails()
        self._watches: Watches | None = None

    async def start(self) -> None:
        if self._watches is None:
            self._watches = Watches()
            with self._streams.lock:
                self._streams.readers.add(self._watches)

    async def close(self) -> None:
        watches, self._watches = self._watches, None
        if watches is not None:
            with self._streams.lock:
                self._streams.readers.discard(watches)
            watches.close()

    async def create(self, run_id: str) -> None:
        with self._transaction() as streams:
            if run_id not in streams.by_run:
                streams.by_run[run_id] = _Stream(next(streams.numbers))

    async def create_again(self, run_id: str) -> None:
        with self._transaction() as streams:
            if run_id not in streams.by_run:
                streams.by_run[run_id] = _Stream(next(streams.numbers), last_id=LEAP)

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        with self._transaction() as streams:
            stream = streams.find(run_id)
            check_writable(run_id, fence=fence, current=stream.fence, ended=stream.ended)
            stream.fence = fence
            stream.append(fresh_events(events, stream.keys))
            streams.wake(run_id, Topic.STREAM)
            return stream.last_id

    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        with self._transaction() as streams:
            stream = streams.find(run_id)
            check_writable(run_id, fence=fence, current=stream.fence, ended=False)
            stream.fence = fence
            if not stream.ended:
                stream.append([event])
                stream.ended = True
                stream.keys.clear()
                stream.attended_until = inf
                streams.wake(run_id, Topic.STREAM)
            return stream.last_id

    def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        async def read(position: int) -> Excerpt:
            with self._transaction() as streams:
                return streams.find(run_id).excerpt(position)

        return follow(
            run_id,
            last_event_id,
            heartbeat_interval,
            watch=partial(self._watch, run_id, Topic.STREAM),
            read=read,
            tails=self._tails,
        )

    async def last_event_id(self, run_id: str) -> int:
        with self._transaction() as streams:
            return streams.find(run_id).last_id

    async def size(self, run_id: str) -> StreamSize:
        with self._transaction() as streams:
            events = streams.find(run_id).events
            return StreamSize(len(events), size_of(events))

    async def cancel(self, run_id: str, *, stop: Stop = Stop.NOW) -> None:
        with self._transaction() as streams:
            stream = streams.by_run.get(run_id)
            if stream is not None and stop_level(stop) > stream.stop_level:
                stream.stop_level = stop_level(stop)
                streams.wake(run_id, Topic.STOP)

    async def stop_requested(self, run_id: str, *, beyond: Stop | None = None) -> Stop:
        async def read() -> int:
            with self._transaction() as streams:
                stream = streams.by_run.get(run_id)
                return 0 if stream is None else stream.stop_level

        return await await_stop(beyond, watch=partial(self._watch, run_id, Topic.STOP), read=read)

    async def attend(self, run_id: str, lease: float) -> None:
        with self._transaction() as streams:
            stream = streams.by_run.get(run_id)
            if stream is not None and not stream.ended:
                stream.attended_until = time.monotonic() + lease

    async def leave(self, run_id: str) -> None:
        with self._transaction() as streams:
            stream = streams.by_run.get(run_id)
            if stream is not None:
                stream.attended_until = inf

    async def abandoned(self) -> list[str]:
        now = time.monotonic()
        with self._transaction() as streams:
            leases = [(stream.attended_until, run_id) for run_id, stream in streams.by_run.items()]
        return [run_id for until, run_id in sorted(leases) if until <= now]

    async def trim(self, run_id: str, *, before: int) -> None:
        with self._transaction() as streams:
            stream = streams.by_run.get(run_id)
            if stream is not None:
                last = stream.last_id if stream.ended else stream.last_id + 1
                del stream.events[: max(0, min(before, last) - stream.first_id)]

    async def cleanup(self, run_id: str) -> None:
        with self._transaction() as streams:
            if streams.by_run.pop(run_id, None) is not None:
                streams.wake(run_id, Topic.STREAM)

    async def held(self) -> AsyncGenerator[str]:
        with self._transaction() as streams:
            found = [*streams.by_run]
        for run_id in found:
            yield run_id

    @property
    def _open(self) -> Watches:
        if self._watches is None:
            raise UnavailableError("the bridge is not open: `start` comes first, and `close` ends it")
        return self._watches

    @contextmanager
    def _transaction(self) -> Generator[MemoryStreams]:
        _ = self._open  # a closed bridge answers nothing
        with self._streams.lock:
            yield self._streams

    def _watch(self, run_id: str, topic: Topic) -> AbstractContextManager[Watch]:
        return self._open.add((run_id, topic))
