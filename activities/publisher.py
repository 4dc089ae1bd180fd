"""From a running graph to the bridge, in an order with its checkpoints that a crash cannot break.

A crash may fall between any two writes. What was reported and what was saved agree after it, because
1. what a task emitted while it ran (tokens) is in the bridge before the task's writes are saved: they would not
   come again, since a finished task never runs again;
2. what a finished task reports (its update) is published after its writes are saved: until then the task may run
   again and end differently;
3. all of it is in the bridge before the checkpoint of the superstep is saved: the next superstep reports only
   itself.
What comes after a save (2, and the state after a superstep) is reported again by the graph that is picked up, and
its key lets it through once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.constants import START

from ..bridge.contract import Bridge, NewEvent
from ..contracts.errors import PerdureError, UnavailableError
from ..contracts.serialization import to_json
from .once import Outgoing

logger = logging.getLogger(__name__)

_REPORT_TIMEOUT = 0.1
"""Seconds that a save waits for its task's report. It comes within a turn of the event loop, but hidden tasks and
graphs that are not streamed report nothing."""
_BACKLOG = 8_000_000
"""Bytes that may wait for the bridge before the graph has to wait, too."""
_BATCH = 500
_RETRY_FOR = 30.0
"""Seconds that a bridge may be away before the slice is given up, to be taken up again by Temporal's retries."""
_SILENT_CHANNELS = ("__error__", "__resume__")
"""Writes to LangGraph's special channels that no report follows. Nor does one follow a graph's hidden start."""


@dataclass(slots=True)
class _Waiting:
    event: NewEvent
    gate: asyncio.Event | None
    """Closed until the writes that the event reports are saved."""


class Publisher:
    """The events of one slice, on their way to the bridge; the hooks of the slice's saver."""

    def __init__(
        self,
        bridge: Bridge,
        run_id: str,
        *,
        fence: int,
        on_loaded: Callable[[CheckpointTuple], None],
        ordered: bool = True,
    ) -> None:
        self._on_loaded = on_loaded
        self._bridge = bridge
        self._run_id = run_id
        self._fence = fence
        self._ordered = ordered
        """False where nothing is saved before the graph ends (LangGraph's durability `exit`)."""
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._accepted = 0
        self._published = 0
        self._moved = asyncio.Event()
        self._stirred = asyncio.Event()
        self._saving: dict[str, asyncio.Event] = {}
        self._reported: dict[str, int] = {}
        """Task id to the number of events that come before its report."""
        self._sender: asyncio.Task[None] | None = None
        self.failure: PerdureError | None = None
        self.failed = asyncio.Event()
        """Set when nothing more can be published: the slice must end."""

    async def __aenter__(self) -> Publisher:
        self._sender = asyncio.create_task(self._send_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    def put(self, outgoing: Outgoing) -> None:
        """Accept an event. It is sent at once, or when its task's writes are saved."""
        event = NewEvent(outgoing.event, to_json(outgoing.payload), outgoing.key)
        gate = self._saving.get(outgoing.task_id) if outgoing.task_id else None
        self._queue.append(_Waiting(event, gate))
        self._accepted += 1
        self._bytes += len(event.data)
        self._stirred.set()

    def report(self, task_id: str) -> None:
        """A finished task reports; its events follow.

        LangGraph starts to save a task's writes before it reports, so the gate is there. (With `max_concurrency`
        the save may be held up and come later; waiting for it could then wait for ever.)
        """
        self._reported[task_id] = self._accepted
        self._move()

    async def room(self) -> None:
        """Wait while the bridge is far behind the graph."""
        while self._bytes > _BACKLOG and self._queue and self._queue[0].gate is None:
            await self._wait_published(self._published + 1)

    async def flush(self, count: int | None = None) -> None:
        """Wait until the first `count` events (all so far) are in the bridge. Raises what made that impossible."""
        await self._wait_published(self._accepted if count is None else count)

    # What the saver calls.

    async def before_writes(self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]]) -> None:
        if not self._ordered or writes[0][0] in _SILENT_CHANNELS or task_path.endswith(START):
            return
        self._saving[task_id] = asyncio.Event()
        try:
            async with asyncio.timeout(_REPORT_TIMEOUT):
                await self._until(lambda: task_id in self._reported)
        except TimeoutError:
            logger.debug("task %s of run %s saves without a report", task_id, self._run_id)
        await self.flush(self._reported.get(task_id))

    def after_writes(self, task_id: str, *, saved: bool) -> None:
        if not saved:
            self._fail(UnavailableError(f"the writes of task {task_id} of run {self._run_id} could not be saved"))
        if gate := self._saving.pop(task_id, None):
            gate.set()
        self._reported.pop(task_id, None)
        self._stirred.set()

    async def before_checkpoint(self) -> None:
        if not self._ordered:
            return
        for gate in list(self._saving.values()):
            await gate.wait()
        await self.flush()

    def loaded(self, found: CheckpointTuple) -> None:
        self._on_loaded(found)

    # Sending.

    async def _wait_published(self, count: int) -> None:
        await self._until(lambda: self._published >= count)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self.failure is not None:
                raise self.failure
            await self._moved.wait()

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _send_for_ever(self) -> None:
        while self.failure is None:
            await self._stirred.wait()
            self._stirred.clear()
            while batch := self._open_batch():
                try:
                    await self._send([waiting.event for waiting in batch])
                except PerdureError as exc:
                    self._fail(exc)
                    return
                self._sent(batch)

    def _open_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        if self.failure is not None:
            return batch
        for waiting in self._queue:
            if len(batch) == _BATCH or (waiting.gate is not None and not waiting.gate.is_set()):
                break
            batch.append(waiting)
        return batch

    async def _send(self, events: list[NewEvent]) -> None:
        deadline = asyncio.get_running_loop().time() + _RETRY_FOR
        pause = 0.05
        while True:
            try:
                await self._bridge.publish(self._run_id, events, fence=self._fence)
            except UnavailableError as exc:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                logger.warning("run %s waits for its bridge: %s", self._run_id, exc)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
            else:
                return

    def _sent(self, batch: list[_Waiting]) -> None:
        for waiting in batch:
            self._queue.popleft()
            self._bytes -= len(waiting.event.data)
        self._published += len(batch)
        self._move()

    def _fail(self, error: PerdureError) -> None:
        self.failure = self.failure or error
        self.failed.set()
        self._move()
