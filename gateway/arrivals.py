"""Which threads have new runs: one look for all at one gateway who wait for the next run of a thread.

Nobody tells of a run that another process has submitted. A look of each who waits, twice a second, took a core for a
thousand of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager, suppress

from ..contracts.actor import bind_actor
from ..contracts.errors import UnavailableError
from ..facade.runs import RunsFacade

logger = logging.getLogger(__name__)

Keys = frozenset[tuple[str, int | None]]
"""Runs, each with its place in its thread."""

_LOOK = 0.25
"""Seconds between two looks."""
_NEWEST = 100
"""Runs that are looked at."""
SELDOM = 30.0
"""Seconds after which who waits looks for himself: for a run that was submitted later than so many younger ones."""


class Arrivals:
    """Of one gateway."""

    def __init__(self, runs: RunsFacade) -> None:
        self._runs = runs
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def told(self, thread_id: str) -> Generator[asyncio.Event]:
        """What is set when the thread may have a new run. Who has waited for it clears it, and then looks."""
        event = asyncio.Event()
        self._waiting[thread_id].add(event)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield event
        finally:
            self._waiting[thread_id].discard(event)
            if not self._waiting[thread_id]:
                del self._waiting[thread_id]
            if not self._waiting:
                self._rest()

    def _rest(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def tell(self, thread_id: str) -> None:
        """A run was submitted here, or elsewhere."""
        for event in self._waiting.get(thread_id, ()):
            event.set()

    async def _look(self) -> None:
        seen: Keys = frozenset()
        with bind_actor(None):  # each who waits was let in by himself
            while True:
                try:
                    seen = await self._told_of_new(seen)
                except UnavailableError as exc:
                    logger.warning("new runs are not seen now: %s", exc)
                await asyncio.sleep(_LOOK)

    async def _told_of_new(self, seen: Keys) -> Keys:
        newest = await self._runs.overview.arrivals(limit=_NEWEST)
        # A run has no place in its thread at first: when it gets one, it is new once more.
        found = {(run.run_id, run.sequence): run.thread_id for run in newest}
        for thread_id in {found[key] for key in found.keys() - seen}:
            self.tell(thread_id)
        return frozenset(found)


async def told_within(seconds: float, event: asyncio.Event) -> None:
    """Until it was set, or so long; then it is cleared."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()
