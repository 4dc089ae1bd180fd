"""Streams in the memory of one process: for tests and for trying things out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from ..contracts.errors import RunNotFoundError, UnavailableError
from ..contracts.types import Stop, StreamEvent
from .contract import Bridge, NewEvent
from .stream import Excerpt, StoredEvent, check_writable, fresh_events, stop_level
from .subscription import await_stop, follow
from .watches import Topic, Watch, Watches

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


class MemoryBridge(Bridge):
    """For one event loop. Every method's work happens without an await, so each write is a transaction."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._numbers = count(1)
        self._watches: Watches | None = None

    async def start(self) -> None:
        self._watches = self._watches or Watches()

    async def close(self) -> None:
        watches, self._watches = self._watches, None
        if watches is not None:
            watches.close()

    async def create(self, run_id: str) -> None:
        if self._known(run_id) is None:
            self._streams[run_id] = _Stream(next(self._numbers))

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int) -> int:
        stream = self._find(run_id)
        check_writable(run_id, fence=fence, current=stream.fence, ended=stream.ended)
        stream.fence = fence
        stream.append(fresh_events(events, stream.keys))
        self._open.wake([(run_id, Topic.STREAM)])
        return stream.last_id

    async def publish_terminal(self, run_id: str, event: NewEvent, *, fence: int) -> int:
        stream = self._find(run_id)
        check_writable(run_id, fence=fence, current=stream.fence, ended=False)
        stream.fence = fence
        if not stream.ended:
            stream.append([event])
            stream.ended = True
            stream.keys.clear()
            self._open.wake([(run_id, Topic.STREAM)])
        return stream.last_id

    def subscribe(
        self, run_id: str, *, last_event_id: str | int | None = None, heartbeat_interval: float | None = None
    ) -> AsyncGenerator[StreamEvent]:
        async def read(position: int) -> Excerpt:
            return self._find(run_id).excerpt(position)

        return follow(
            run_id, last_event_id, heartbeat_interval, watch=partial(self._watch, run_id, Topic.STREAM), read=read
        )

    async def last_event_id(self, run_id: str) -> int:
        return self._find(run_id).last_id

    async def cancel(self, run_id: str, *, stop: Stop = Stop.NOW) -> None:
        stream = self._known(run_id)
        if stream is not None and stop_level(stop) > stream.stop_level:
            stream.stop_level = stop_level(stop)
            self._open.wake([(run_id, Topic.STOP)])

    async def stop_requested(self, run_id: str, *, beyond: Stop | None = None) -> Stop:
        async def read() -> int:
            stream = self._known(run_id)
            return 0 if stream is None else stream.stop_level

        return await await_stop(beyond, watch=partial(self._watch, run_id, Topic.STOP), read=read)

    async def trim(self, run_id: str, *, before: int) -> None:
        stream = self._known(run_id)
        if stream is not None:
            last = stream.last_id if stream.ended else stream.last_id + 1
            del stream.events[: max(0, min(before, last) - stream.first_id)]

    async def cleanup(self, run_id: str) -> None:
        if self._known(run_id) is not None:
            del self._streams[run_id]
            self._open.wake([(run_id, Topic.STREAM)])

    @property
    def _open(self) -> Watches:
        if self._watches is None:
            raise UnavailableError("the bridge is not open: `start` comes first, and `close` ends it")
        return self._watches

    def _watch(self, run_id: str, topic: Topic) -> AbstractContextManager[Watch]:
        return self._open.add((run_id, topic))

    def _known(self, run_id: str) -> _Stream | None:
        _ = self._open  # a closed bridge answers nothing
        return self._streams.get(run_id)

    def _find(self, run_id: str) -> _Stream:
        stream = self._known(run_id)
        if stream is None:
            raise RunNotFoundError(run_id)
        return stream
