"""One reader of a thread: what it has not had, from wherever it stands; then what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ...contracts.types import RunRecord
from ..context import HEARTBEAT
from .entries import Entry, Place
from .feed import Feed

_BATCH, _BYTES = 64, 2**18
"""Events of what is past that are sent at once."""
_SHORTLY = 0.02


class Reader:
    """From after the event `seq` on."""

    def __init__(self, feed: Feed, seq: int = 0) -> None:
        self._feed = feed
        self._tape = feed.tape()
        self.seq = seq
        """The last event that it has had."""
        self._place = Place()
        self._fell_behind = False
        self._clock = asyncio.get_running_loop().time
        self.deadline = self._clock() + HEARTBEAT
        """When it wants to hear that nothing has come; the event loop's clock."""

    def spoke(self) -> None:
        """Its client has heard something."""
        self.deadline = self._clock() + HEARTBEAT

    @property
    def is_due(self) -> bool:
        """Whether its client has heard nothing for too long."""
        return self._clock() >= self.deadline

    async def batches(self) -> AsyncGenerator[Sequence[Entry]]:
        """What is new, as it comes; nothing at the deadline. It ends with the thread. Raises `UnavailableError`."""
        while not self._feed.ended:
            async with aclosing(self._shared() if self._keeps_up() else self._alone()) as reading:
                async for batch in reading:
                    yield batch

    def _keeps_up(self) -> bool:
        """Whether it stands where the feed does, by the same count, and has nothing to read before."""
        meets = self._feed.has(self.seq) and self._place == self._feed.place
        # One that was too slow once reads for itself until it has nothing to read.
        return meets and (not self._fell_behind or self.seq >= self._feed.last)

    async def _shared(self) -> AsyncGenerator[Sequence[Entry]]:
        while self._feed.has(self.seq):
            if batch := self._feed.after(self.seq):
                self.seq, self._place = batch[-1].seq, batch[-1].place
                yield batch
            elif self._feed.ended:
                return
            elif not await self._feed.wait(self.deadline):
                yield ()
        self._fell_behind = True

    async def _alone(self) -> AsyncGenerator[Sequence[Entry]]:
        """The next run, if there is one; at what goes on all meet."""
        run = await self._tape.next_run(self._place)
        if run is None:
            await self._meet()
            return
        self._place = self._tape.before(run, self._place)
        if self._has_had(run):
            return
        if not run.status.terminal:
            self._feed.start(self._place)
            if self._keeps_up():
                return
        shelved = await self._tape.shelved(run, self._place) if run.status.terminal else None
        async with aclosing(self._of(run) if shelved is None else self._of_shelf(run, shelved)) as reading:
            async for batch in reading:
                yield batch

    async def _meet(self) -> None:
        """All has been read that there is."""
        self._feed.start(self._place)
        self._feed.lift(self._place)
        if self._keeps_up():
            return
        place, last = self._feed.place, self._feed.last
        if (place.run, place.seq) < (self._place.run, self._place.seq):
            await asyncio.sleep(_SHORTLY)  # it has still to come here
        elif await self._tape.next_run(self._place) is None:  # a run was deleted since, and the feed counts it
            self.seq, self._place = max(self.seq, last), place

    def _has_had(self, run: RunRecord) -> bool:
        count = self._tape.counts.get(run.run_id) if run.status.terminal else None
        if count is None or self._place.seq + count > self.seq:
            return False
        self._place = self._tape.behind(run, self._place, self._place.seq + count)
        return True

    async def _of_shelf(self, run: RunRecord, entries: Sequence[Entry]) -> AsyncGenerator[Sequence[Entry]]:
        new = [entry for entry in entries if entry.seq > self.seq]
        end = entries[-1].seq if entries else self._place.seq
        self._place = self._tape.behind(run, self._place, end)
        for begin in range(0, len(new), _BATCH):
            batch = new[begin : begin + _BATCH]
            self.seq = batch[-1].seq
            yield batch

    async def _of(self, run: RunRecord) -> AsyncGenerator[Sequence[Entry]]:
        batch: list[Entry] = []
        seq, most, size = self._place.seq, _BATCH if run.status.terminal else 1, 0
        async with aclosing(self._tape.entries(run, self._place)) as entries:
            async for entry in entries:
                if entry is None:
                    yield ()
                    continue
                seq = entry.seq
                if seq > self.seq:
                    self.seq = seq
                    batch.append(entry)
                    size += len(entry.frame)
                if len(batch) >= most or size > _BYTES:
                    yield batch
                    batch, size = [], 0
                if not run.status.terminal and self._keeps_up():
                    break
            else:
                self._place = self._tape.behind(run, self._place, seq)
        if batch:
            yield batch
