"""Where a live graph is held from one slice to the next: at a superstep boundary, where nothing of it is at work.

The root stands where its `checkpoints` event is not read on from: LangGraph starts the tasks behind it only then. A
subgraph stands in the save of its superstep, for which LangGraph waits under durability `sync`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from ..stream.outgoing import Namespace


class Gate:
    """Holds a graph only if `is_over` and nothing else is at work: no branch ever waits for another one's slow node."""

    def __init__(self, is_over: Callable[[], bool], at_rest: Callable[[Collection[Namespace]], bool]) -> None:
        self._is_over = is_over
        self._at_rest = at_rest
        self._standing: set[Namespace] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.held = asyncio.Event()
        """Set while a graph is held."""

    def open(self) -> None:
        """Let it go on."""
        self.held.clear()
        self._open.set()

    async def stand(self, ns: Namespace) -> None:
        """A graph has saved its superstep: wait here if the run is to be held."""
        self._standing.add(ns)
        try:
            if self._is_over() and self._at_rest(self._standing):
                self._open.clear()
                self.held.set()
                await self._open.wait()
        finally:
            self._standing.discard(ns)
