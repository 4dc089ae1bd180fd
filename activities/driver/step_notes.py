"""The steps of a run in its record while it executes: now and then, and never in the way of its slices."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakKeyDictionary

from ...contracts.errors import UnavailableError
from ...store.contract import Store
from .live_graph import LiveGraph

logger = logging.getLogger(__name__)

_EVERY = 3.0
"""Seconds between two notes of a run. A run that is over before notes them at its end, as all do."""


class StepNotes:
    """Of one worker."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: WeakKeyDictionary[LiveGraph, float] = WeakKeyDictionary()
        """When each graph's steps were noted last, or it was seen first, on the event loop's clock."""
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, live: LiveGraph, run_id: str, steps: int) -> None:
        """A slice is over."""
        now = asyncio.get_running_loop().time()
        if now - self._noted.setdefault(live, now) < _EVERY:
            return
        self._noted[live] = now
        writing = asyncio.create_task(self._write(run_id, steps, live.fence))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def _write(self, run_id: str, steps: int, fence: int) -> None:
        try:
            await self._store.note_steps(run_id, steps, fence=fence)
        except UnavailableError as exc:  # the next note has more of them
            logger.info("run %s: its steps are not noted: %s", run_id, exc)
