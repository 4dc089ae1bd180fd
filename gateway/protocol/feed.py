"""What a thread says from now on, read once in a process for all who follow it.

The newest events are kept for a while, as they are sent: who keeps up finds them here. Who is farther behind reads for
itself until it has caught up, so a slow reader holds nothing but what it is sending, and is waited for by nobody. With
the last reader the feed goes.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime

from ...contracts.actor import bind_actor
from ...contracts.errors import UnavailableError
from ...facade.runs import RunsFacade
from ..arrivals import SELDOM, Arrivals, told_within
from .entries import Entry, Place
from .shelf import Shelf
from .tape import Counts, Tape

logger = logging.getLogger(__name__)

_EVENTS, _BYTES = 500, 2**20
"""The newest that are kept; up to twice as many."""
_AGAIN = 1.0
"""Seconds until it is tried again, when the store or the bridge is away."""
_BREATH = 100
"""Events after which readers get their turn."""

Owner = tuple[str | None, datetime]


class Feed:
    """Of one thread."""

    def __init__(self, runs: RunsFacade, arrivals: Arrivals, thread_id: str, counts: Counts, shelf: Shelf) -> None:
        self._runs = runs
        self._arrivals = arrivals
        self._thread_id = thread_id
        self._counts = counts
        self._shelf = shelf
        self.followers = 0
        self.ended = False
        """There is nothing to follow any more."""
        self._entries: list[Entry] = []
        self._bytes = 0
        self._first: int = 1
        """The place of the first event that is kept, or of the next one."""
        self.last: int = 0
        self.place = Place()
        """Of the run that is read, or of the next one."""
        self._is_within = False
        """A run is read."""
        self._changed = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    def tape(self) -> Tape:
        """For who reads by itself."""
        return Tape(self._runs, self._thread_id, self._counts, self._shelf)

    def start(self, place: Place) -> None:
        """Read from here on, unless it is being read already."""
        if self._reading is None:
            self._first, self.last, self.place = place.seq + 1, place.seq, place
            self._reading = asyncio.create_task(self._read())

    def lift(self, place: Place) -> None:
        """Who comes now counts more events, for a run was deleted since: from now on so do all."""
        if not self._is_within and place.run == self.place.run and place.seq > self.place.seq:
            self.place, self.last = place, place.seq

    def close(self) -> None:
        """Nobody follows it."""
        self.ended = True
        if self._reading is not None:
            self._reading.cancel()

    def has(self, seq: int) -> bool:
        """Whether all that comes behind this is, or will be, here."""
        return self._reading is not None and self._first <= seq + 1

    def after(self, seq: int) -> list[Entry]:
        """What is there behind it."""
        return self._entries[bisect_right(self._entries, seq, key=_seq) :] if seq < self.last else []

    def seq_of(self, event_id: str) -> int | None:
        """The place of an event that is here."""
        return next((entry.seq for entry in reversed(self._entries) if entry.id == event_id), None)

    async def wait(self, deadline: float) -> bool:
        """Whether something new has come before `deadline` (the event loop's clock)."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._changed.wait()
                return True
        return False

    async def _read(self) -> None:
        with bind_actor(None):  # each reader was let in by himself
            try:
                with self._arrivals.told(self._thread_id) as arrived:
                    await self._read_on(arrived)
            except Exception:
                logger.exception("the events of thread %s cannot be read any more", self._thread_id)
            finally:
                self.ended = True
                self._wake()

    async def _read_on(self, arrived: asyncio.Event) -> None:
        tape, owner = self.tape(), await self._owner()
        while True:
            try:
                run = await tape.next_run(self.place)
                self._is_within = run is not None
                if run is None:
                    await told_within(SELDOM, arrived)
                if await self._owner() != owner:
                    return
                if run is None:
                    continue
                self.place = tape.before(run, self.place)
                self.last = max(self.last, self.place.seq)
                async for entry in tape.entries(run, self.place):
                    if entry is not None and entry.seq > self.last:
                        await self._add(entry)
                self.place = tape.behind(run, self.place, self.last)
            except UnavailableError as exc:
                logger.warning("the events of thread %s cannot be read now: %s", self._thread_id, exc)
                await asyncio.sleep(_AGAIN)

    async def _owner(self) -> Owner | None:
        """Another one's is another thread."""
        thread = await self._runs.get_thread(self._thread_id)
        return None if thread is None else (thread.user_id, thread.created_at)

    async def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._bytes += len(entry.frame)
        self.last = entry.seq
        if len(self._entries) > 2 * _EVENTS or self._bytes > 2 * _BYTES:
            self._forget()
        self._wake()
        if entry.seq % _BREATH == 0:
            await asyncio.sleep(0)

    def _forget(self) -> None:
        """The older half, and of what is large all but the newest."""
        while len(self._entries) > 1 and (len(self._entries) > _EVENTS or self._bytes > _BYTES):
            cut = max(1, len(self._entries) // 4)
            self._bytes -= sum(len(entry.frame) for entry in self._entries[:cut])
            del self._entries[:cut]
        self._first = self._entries[0].seq

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Feeds:
    """Of the threads that somebody follows at one gateway."""

    def __init__(self, runs: RunsFacade, arrivals: Arrivals) -> None:
        self._runs = runs
        self._arrivals = arrivals
        self._counts = Counts()
        self._shelf = Shelf()
        self._feeds: dict[str, Feed] = {}

    @contextmanager
    def follow(self, thread_id: str) -> Generator[Feed]:
        """The thread's, shared with all who follow it at the same time."""
        feed = self._feeds.get(thread_id)
        if feed is None or feed.ended:
            feed = self._feeds[thread_id] = Feed(self._runs, self._arrivals, thread_id, self._counts, self._shelf)
        feed.followers += 1
        try:
            yield feed
        finally:
            feed.followers -= 1
            if not feed.followers:
                feed.close()
                if self._feeds.get(thread_id) is feed:
                    del self._feeds[thread_id]

    def stir(self, thread_id: str) -> None:
        """A run was submitted here."""
        self._arrivals.tell(thread_id)


def _seq(entry: Entry) -> int:
    return entry.seq
