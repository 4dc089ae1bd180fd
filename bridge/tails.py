"""The tail of a stream, read once for all who follow it in a process.

When something changes, what is new is read before anybody is woken, and kept for a while: whoever keeps up finds it
there. Whoever is farther behind reads for itself until it has caught up; those who want the same at the same moment
wait for one read. A reader that is slow, or does not come back, is waited for by nobody. With the last reader the tail
goes.

Events are shared as they are stored: each reader decodes its own, and may change what it was given.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .stream import Excerpt, StoredEvent
from .watches import Watch

_EVENTS, _BYTES = 200, 2**18
"""The newest events of a stream that are kept, for as long as somebody follows it."""

Read = Callable[[int], Awaitable[Excerpt]]
"""Gives some of the events after an id, or raises `RunNotFoundError`."""
OpenWatch = Callable[[], AbstractContextManager[Watch]]
_Place = tuple[asyncio.AbstractEventLoop, str]
"""Where a run is followed."""


@dataclass(frozen=True, slots=True)
class _Flight:
    """A read that is under way."""

    number: int
    found: asyncio.Task[Excerpt]


class _Tail:
    """Of one stream, on one event loop."""

    def __init__(self, watch: OpenWatch, read: Read) -> None:
        """Raises what `watch` does."""
        self.followers: set[Follower] = set()
        self.waiting = 0
        """How many of them have nothing to do before something changes."""
        self._read = read
        self._held = watch()
        self._change = self._held.__enter__()
        self._change.relay = self._stir
        self._flights: dict[int, _Flight] = {}
        """The newest that reads after an id."""
        self._begun = 0
        self._ahead = False
        """What is new is being read."""
        self._changed_meanwhile = False
        self._newest: Excerpt | None = None
        self._after = 0
        """The id after which `_newest` holds everything."""

    async def read(self, position: int, stream: int | None) -> Excerpt:
        """What is held after `position`, at a moment after this call, or some of what was before, if that is not empty.

        `stream`: the number of the one that the reader reads; `None` at first, when it wants to know what is there now.
        """
        if stream is not None and (kept := self._kept(position, stream)) is not None:
            return kept
        if len(self.followers) == 1:
            return await self._read(position)
        begun = self._begun
        while True:
            flight = self._flights.get(position) or self._take_off(position)
            found = await asyncio.shield(flight.found)
            if flight.number > begun or (found.events and found.stream == stream):
                return found

    @property
    def closed(self) -> bool:
        """The bridge was closed."""
        return self._change.closed

    def close(self) -> None:
        self._held.__exit__(None, None, None)
        for flight in self._flights.values():
            flight.found.cancel()

    def _stir(self) -> None:
        """Something has changed."""
        if self.closed or not (self._ahead or (self.waiting > 1 and self._newest is not None)):
            self._wake()
        elif self._ahead:
            self._changed_meanwhile = True
        else:
            self._ahead = True
            self._take_off(self._upto).found.add_done_callback(self._land)

    def _land(self, _: asyncio.Task[Excerpt]) -> None:
        """If it has failed, each finds out for itself."""
        self._ahead = False
        self._wake()
        if self._changed_meanwhile:
            self._changed_meanwhile = False
            self._stir()

    def _wake(self) -> None:
        for follower in self.followers:
            follower.wake()

    def _take_off(self, position: int) -> _Flight:
        self._begun += 1
        found = asyncio.create_task(self._fly(position, self._begun))
        found.add_done_callback(_heard)
        flight = self._flights[position] = _Flight(self._begun, found)
        return flight

    async def _fly(self, position: int, number: int) -> Excerpt:
        try:
            found = await self._read(position)
        finally:
            if (last := self._flights.get(position)) is not None and last.number == number:
                del self._flights[position]
        if found.events:
            self._keep(position, found)
        return found

    @property
    def _upto(self) -> int:
        """The id of the last event that was kept."""
        return self._newest.events[-1].id if self._newest is not None and self._newest.events else self._after

    def _keep(self, position: int, found: Excerpt) -> None:
        before, events = self._newest, found.events
        if before is not None and before.stream == found.stream:
            if position == self._upto:
                position, events = self._after, [*before.events, *events]
            elif events[-1].id <= self._upto:
                return
        if cut := _too_many(events):
            position, events = events[cut - 1].id, events[cut:]
        self._after = position
        self._newest = Excerpt(found.stream, found.first_id, found.last_id, found.ended, events)

    def _kept(self, position: int, stream: int) -> Excerpt | None:
        kept = self._newest
        if kept is None or kept.stream != stream or not self._after <= position < self._upto:
            return None
        events = kept.events[bisect_right(kept.events, position, key=_id) :]
        return Excerpt(kept.stream, kept.first_id, kept.last_id, kept.ended, events)


class Follower:
    """One reader. Like a watch: `rearm`, `read`, `wait`."""

    def __init__(self, tail: _Tail) -> None:
        self._tail = tail
        self._watch = Watch()
        self.rearm = self._watch.rearm
        self.wake = self._watch.wake

    @property
    def closed(self) -> bool:
        return self._tail.closed

    async def read(self, position: int, stream: int | None) -> Excerpt:
        """See `_Tail.read`."""
        return await self._tail.read(position, stream)

    async def wait(self, deadline: float | None = None) -> bool:
        """Whether something changed before `deadline` (the event loop's clock)."""
        self._tail.waiting += 1
        try:
            return await self._watch.wait(deadline)
        finally:
            self._tail.waiting -= 1


class Tails:
    """Of the streams of a bridge that somebody follows."""

    def __init__(self) -> None:
        self._tails: dict[_Place, _Tail] = {}

    def follow(self, run_id: str, watch: OpenWatch, read: Read) -> AbstractContextManager[Follower]:
        """What `read` gives, shared with those who follow the run at the same time."""
        return _Following(self._tails, (asyncio.get_running_loop(), run_id), watch, read)


class _Following:
    """(A generator would have a frame of its own, for each of thousands.)"""

    __slots__ = ("_follower", "_place", "_read", "_tail", "_tails", "_watch")

    def __init__(self, tails: dict[_Place, _Tail], place: _Place, watch: OpenWatch, read: Read) -> None:
        self._tails = tails
        self._place = place
        self._watch = watch
        self._read = read

    def __enter__(self) -> Follower:
        tail = self._tails.get(self._place)
        if tail is None or tail.closed:
            tail = self._tails[self._place] = _Tail(self._watch, self._read)
        self._tail = tail
        self._follower = follower = Follower(tail)
        tail.followers.add(follower)
        return follower

    def __exit__(self, *_: object) -> None:
        tail = self._tail
        tail.followers.discard(self._follower)
        if not tail.followers:
            tail.close()
            if self._tails.get(self._place) is tail:
                del self._tails[self._place]


def _too_many(events: Sequence[StoredEvent]) -> int:
    """How many of the oldest are not kept."""
    size = 0
    for kept, event in enumerate(reversed(events)):
        size += len(event.data)
        if kept == _EVENTS or size > _BYTES:
            return len(events) - kept
    return 0


def _id(event: StoredEvent) -> int:
    return event.id


def _heard(flight: asyncio.Task[Excerpt]) -> None:
    """An error that nobody is left to hear is no loop error."""
    if not flight.cancelled():
        flight.exception()
