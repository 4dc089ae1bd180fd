"""The line of a thread: the events of its runs, one run after the other, numbered from 1."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from ...contracts.errors import RunNotFoundError, UnavailableError
from ...contracts.limit_errors import StreamRemovedError
from ...contracts.threads import STATELESS
from ...contracts.types import (
    AWAITING_INPUT_EVENT,
    HEARTBEAT_EVENT,
    TERMINAL_EVENTS,
    RunInterrupt,
    RunRecord,
    RunStatus,
    StreamEvent,
)
from ...facade.runs import RunsFacade
from ..context import HEARTBEAT
from .entries import Entry, Place, entry_of
from .projection import Projection
from .shelf import Shelf

logger = logging.getLogger(__name__)

_PAGE, _FEW = 100, 4
"""Runs that are read at once: of a thread's history; to see whether there are new ones."""
_COUNTED = 10_000
LEAP = 2**20
"""More events than a run has, of which nobody knows any more how many it had."""


class Counts:
    """How many events the runs had that have ended, so that who has had them need not have them read."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, int] = OrderedDict()

    def get(self, run_id: str) -> int | None:
        """`None`: it has to be read."""
        return self._known.get(run_id)

    def note(self, run_id: str, count: int) -> None:
        """Of a run that has ended."""
        self._known[run_id] = count
        if len(self._known) > _COUNTED:
            self._known.popitem(last=False)


class Tape:
    """Of one thread, for one reader."""

    def __init__(self, runs: RunsFacade, thread_id: str, counts: Counts, shelf: Shelf) -> None:
        self._runs = runs
        self._thread_id = thread_id
        self._shelf = shelf
        self.counts = counts
        self._coming: list[tuple[int, RunRecord]] = []
        """Runs by their places, the next one last."""
        self._has_looked = False

    async def next_run(self, place: Place) -> RunRecord | None:
        """The first run behind a place; `None`: there is none yet."""
        for _ in range(2):
            while self._coming:
                _, known = self._coming[-1]
                if self._is_later(known, place):
                    fresh = known if known.status.terminal else await self._runs.get_run(known.run_id)
                    if fresh is not None:
                        return fresh
                self._coming.pop()
            self._coming = await self._later(place)
        return None

    async def _later(self, place: Place) -> list[tuple[int, RunRecord]]:
        found: dict[int, RunRecord] = {}
        unplaced = False
        async for run in self._newest(place):
            unplaced = unplaced or not self.place_of(run)
            found[self.place_of(run)] = run
        # One that is being submitted has no place yet: it may be the next one.
        wanted = [one for one in found.items() if one[0] and (one[0] <= place.run + 1 or not unplaced)]
        return sorted(wanted, key=_number, reverse=True)

    async def _newest(self, place: Place) -> AsyncGenerator[RunRecord]:
        """Those behind it, and those without a place; the last created first."""
        before: str | None = None
        limit = _FEW if self._has_looked else _PAGE
        while True:
            page = await self._runs.page_runs(self._thread_id, before=before, limit=limit)
            new = [run for run in page.runs if not self.place_of(run) or self._is_later(run, place)]
            for run in new:
                yield run
            if not new or page.next is None:
                self._has_looked = True
                return
            before, limit = page.next, _PAGE

    def _is_later(self, run: RunRecord, place: Place) -> bool:
        return self.place_of(run) > place.run or _created(run) > place.created

    def before(self, run: RunRecord, place: Place) -> Place:
        """Where a run begins, behind those that were deleted, whose events are counted as many, not as none.

        So who goes on from a place in the line is told something twice rather than never.
        """
        missing = max(0, self.place_of(run) - place.run - 1)
        return Place(place.run + missing, place.seq + missing * LEAP, place.created)

    def place_of(self, run: RunRecord) -> int:
        """In the thread's order of admission; 0: none yet."""
        if run.sequence is None and self._thread_id.startswith(STATELESS):
            return 1  # it has its thread to itself
        return run.sequence or 0

    def behind(self, run: RunRecord, place: Place, seq: int) -> Place:
        """Once a run was read that begins at `place`."""
        return Place(self.place_of(run), seq, max(place.created, _created(run)))

    async def shelved(self, run: RunRecord, place: Place) -> Sequence[Entry] | None:
        """All that a run has said that has ended; `None`: it is too much, read `entries`. Raises `UnavailableError`."""
        return await self._shelf.entries((run.run_id, place.seq), lambda: self.entries(run, place))

    async def entries(
        self, run: RunRecord, place: Place, *, heartbeat_interval: float = HEARTBEAT
    ) -> AsyncGenerator[Entry | None]:
        """All that a run says, live, up to its end. `None`: it has been silent for this long (seconds).

        Raises `UnavailableError`.
        """
        seq = place.seq
        try:
            projection = Projection(run, await self._runs.get_spec(run.run_id), _now)
            async for event in self._events(run, heartbeat_interval):
                if event.event == HEARTBEAT_EVENT:
                    yield None
                    continue
                asked, restored = await self._asked(run.run_id, event), await self._restored(run, event)
                for said in projection.of(event, asked, restored):
                    seq = place.seq + LEAP if event.id == _KEPT_END else seq + 1
                    yield entry_of(said, seq, place)
        except RunNotFoundError:  # it was deleted
            return
        self.counts.note(run.run_id, seq - place.seq)

    async def _events(self, run: RunRecord, heartbeat_interval: float) -> AsyncGenerator[StreamEvent]:
        """Raises `UnavailableError` for a stream that ends without its end."""
        try:
            stream = await self._runs.join_stream(run.run_id, heartbeat_interval=heartbeat_interval)
            async with stream:
                async for event in stream:
                    yield event
                    if event.event in TERMINAL_EVENTS:
                        return
        except StreamRemovedError:
            async for event in self._kept(run):
                yield event
            return
        raise UnavailableError(f"the stream of run {run.run_id!r} is not read any more: the bridge was closed")

    async def _kept(self, run: RunRecord) -> AsyncGenerator[StreamEvent]:
        """What is known of a run whose stream is not kept: its values, and how it ended."""
        result = await self._runs.join_wait(run.run_id)
        if result.values is not None:
            yield StreamEvent(id="kept", event="values", data=result.values)
        error = None if run.error is None else run.error.model_dump()
        known = {"status": run.status, "cancel_action": run.cancel_action, "error": error}
        yield StreamEvent(id=_KEPT_END, event=TERMINAL_EVENTS[0], data=known)

    async def _asked(self, run_id: str, event: StreamEvent) -> Sequence[RunInterrupt]:
        """What the graph asks where the run rests, as its record has it: so it can be answered when it is told."""
        if event.event == AWAITING_INPUT_EVENT:
            return [RunInterrupt.model_validate(one) for one in event.data["interrupts"]]
        if event.event not in TERMINAL_EVENTS or event.data.get("status") != "interrupted":
            return ()
        return (await self._runs.join_wait(run_id)).interrupts

    async def _restored(self, run: RunRecord, event: StreamEvent) -> Any:
        """For who has followed a run that was rolled back then."""
        if event.event not in TERMINAL_EVENTS or event.data.get("status") != RunStatus.ROLLED_BACK or run.ended_at:
            return None
        details = await self._runs.get_thread_details(self._thread_id)
        return None if details is None else details.values


async def seq_of(tape: Tape, event_id: str, run_id: str) -> int:
    """The place of an event in the line; that before its run, when there is no such event; 0 when there is no run."""
    place = Place()
    while (run := await tape.next_run(place)) is not None:
        place = tape.before(run, place)
        count = tape.counts.get(run.run_id)
        if run.run_id == run_id or count is None:
            seq = place.seq
            async for entry in tape.entries(run, place, heartbeat_interval=_SHORTLY):
                if entry is None:
                    return place.seq  # all that is there was read
                if entry.id == event_id:
                    return entry.seq
                seq = entry.seq
            count = seq - place.seq
        if run.run_id == run_id:
            return place.seq
        place = tape.behind(run, place, place.seq + count)
    return 0


_SHORTLY = 0.2
_KEPT_END = "kept-end"


def _number(found: tuple[int, RunRecord]) -> int:
    return found[0]


def _created(run: RunRecord) -> int:
    return int(run.created_at.timestamp() * 1_000_000)


def _now() -> int:
    return int(time.time() * 1000)
