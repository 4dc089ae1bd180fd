"""The live graphs of a worker: where the next slice of a run finds its graph, and what becomes of an unfetched one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from ...contracts.errors import FencedError
from ..graphs.graph_registry import CompiledGraph
from .live_graph import LiveGraph
from .memory_use import MemoryBound

logger = logging.getLogger(__name__)

_OUTDATED = "its code has changed"

_IDLE = 1.0
"""Seconds after which the next slice of a graph is not just on its way: it may wait for a slot, or for a long time."""


class LiveGraphs:
    """By run. `task_queue`: the worker's own, on which it is asked for a graph that it holds."""

    def __init__(
        self,
        task_queue: str,
        *,
        most_held: int,
        hold_for: float,
        memory: MemoryBound | None = None,
        tell: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """`most_held`: graphs that may wait for a slice at a time. `hold_for`: seconds that each may wait.

        `memory`: beyond it no other graph may wait, and those that have waited longest are let go.
        `tell`: called with each run whose graph is let go by the worker's shutdown; it never raises.
        """
        self.task_queue = task_queue
        self._tell = tell
        self._most_held = most_held
        self._hold_for = hold_for
        self._memory = memory or MemoryBound(None)
        self._graphs: dict[str, LiveGraph] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        """When each that is not attended is closed; the one that has waited longest comes first."""
        self._closing: set[asyncio.Task[None]] = set()
        self.shutting_down = False
        self.has_let_go = False
        """Of graphs that were held when the shutdown began: somebody may ask for them yet."""

    def may_hold(self) -> bool:
        """Whether another graph may wait for its next slice. Else its slice goes on: it takes no more memory so."""
        return len(self._waiting) < self._most_held and not self.shutting_down and not self._lacks_memory()

    def _lacks_memory(self) -> bool:
        if not self._memory.exceeded:
            return False
        for run_id, later in [*self._waiting.items()][:1]:
            if later.when() - self._hold_for + _IDLE < asyncio.get_running_loop().time():
                self._stop_waiting(run_id)
                self._close_soon(run_id, "the worker has more memory than worker.max_held_memory")
        return True

    def holds(self, run_id: str) -> bool:
        """Whether the graph of a run waits here for its next slice."""
        live = self._graphs.get(run_id)
        return live is not None and live.held and not live.attended

    async def fetch(self, run_id: str) -> LiveGraph | None:
        """The graph of a run that waits here for its next slice; none that another attempt has taken over."""
        live = self._graphs.get(run_id)
        if live is None or not self.holds(run_id):
            return None
        live.attended = True  # before the first await: two slices may come for it at once
        self._stop_waiting(run_id)
        try:
            await live.check_fence()
        except FencedError:
            await self.close(run_id)
            return None
        except BaseException:
            live.attended = False
            self.leave(run_id, live)
            raise
        return live if self._graphs.get(run_id) is live else None

    async def add(self, run_id: str, live: LiveGraph) -> None:
        """The graph of a new attempt. One of an earlier attempt is closed first."""
        # Again and again: several attempts may wait for the same one to be closed, and only one of them is next.
        while run_id in self._graphs:
            await self.close(run_id)
        self._graphs[run_id] = live

    def leave(self, run_id: str, live: LiveGraph) -> None:
        """Its slice is over. It is closed in bounded time, unless it is fetched."""
        if self._graphs.get(run_id) is not live:
            return
        if live.outdated and live.held:
            self._close_soon(run_id, _OUTDATED)
        else:
            why = "nobody has fetched it"
            later = asyncio.get_running_loop().call_later(self._hold_for, self._close_soon, run_id, why)
            self._waiting[run_id] = later

    def renew(self) -> list[str]:
        """Other code is served from now on: each run that is here goes on with it from its next boundary. Their ids.

        A hand-over, as when the worker shuts down, but to itself.
        """
        for run_id, live in [*self._graphs.items()]:
            live.outdated = True
            if live.attended:
                live.pause_soon()
            elif live.held:
                self._close_soon(run_id, _OUTDATED)
        return [*self._graphs]

    def graph_of(self, run_id: str) -> CompiledGraph | None:
        """For reading, as long as it is here."""
        live = self._graphs.get(run_id)
        return None if live is None else live.graph

    async def close(self, run_id: str) -> None:
        """Let go of a run's graph, if there is one. Nothing of it is at work afterwards, whoever else closes it."""
        if (live := self._graphs.get(run_id)) is None:
            return
        try:
            await live.close()
        finally:
            if self._graphs.get(run_id) is live:
                del self._graphs[run_id]
                self._stop_waiting(run_id)

    @asynccontextmanager
    async def open(self, stopping: asyncio.Event) -> AsyncGenerator[None]:
        """`stopping` is set when the worker begins to shut down: it hands its runs on then."""
        handing_on = asyncio.create_task(self._hand_on(stopping))
        try:
            yield
        finally:
            handing_on.cancel()
            self.shutting_down = True
            await asyncio.gather(handing_on, *map(self.close, [*self._graphs]), *self._closing, return_exceptions=True)

    async def _hand_on(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self.shutting_down = True
        for run_id, live in [*self._graphs.items()]:
            if live.attended:
                live.pause_soon()
            elif live.held:
                self.has_let_go = True
                self._soon(self._say_so(run_id))
                self._close_soon(run_id, "the worker shuts down")

    def _stop_waiting(self, run_id: str) -> None:
        if (later := self._waiting.pop(run_id, None)) is not None:
            later.cancel()

    def _close_soon(self, run_id: str, why: str) -> None:
        if (live := self._graphs.get(run_id)) is not None and live.held:
            logger.warning("run %s: its graph is let go (%s); it goes on from its checkpoint", run_id, why)
        self._soon(self.close(run_id))

    async def _say_so(self, run_id: str) -> None:
        if self._tell is not None:
            await self._tell(run_id)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
