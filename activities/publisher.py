"""From a running graph to the bridge, in an order with its checkpoints that a crash cannot break.

A crash may fall between any two writes. What was reported and what was saved agree after it, because
1. what a task emitted while it ran (tokens) is in the bridge before the task's writes are saved: they would not
   come again, since a finished task never runs again;
2. what a finished task reports (its update) is published after its writes are saved: until then the task may run
   again and end differently;
3. all of it is in the bridge before the checkpoint of the superstep is saved: the next superstep reports only
   itself;
4. what reports a checkpoint is published after it is saved: until then there may come another one in its place.
What comes after a save (2 and 4) is reported again by the graph that is picked up, and
its key lets it through once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
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
_CHECKPOINT = "a checkpoint"
_SILENT_CHANNELS = ("__error__", "__resume__")
"""Writes to LangGraph's special channels that no report follows. Nor does one follow a graph's hidden start."""


@dataclass(slots=True)
class _Waiting:
    event: NewEvent
    gate: asyncio.Event | None
    """Closed until what the event reports is saved."""


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
        self._crowded = False
        """The reports of the graph are held up."""
        self._accepted = 0
        self._published = 0
        self._moved = asyncio.Event()
        self._stirred = asyncio.Event()
        self._saving: dict[str, asyncio.Event] = {}
        """Gates by the id of a task or checkpoint, from its report or the beginning of its save to the end of it."""
        self._begun: dict[str, str] = {}
        """Saves under way, and the namespaces of the graphs of those that are of tasks."""
        self._saved: set[str] = set()
        self._before: dict[str, int] = {}
        """Checkpoint id to the number of events that came before its report, if that came before its save."""
        self._reported: dict[str, int] = {}
        """Task id to the number of events that come before its report."""
        self._sender: asyncio.Task[None] | None = None
        self._halt: Exception | None = None
        """Why nothing more is sent: the bridge failed, a save failed, or the slice is over."""
        self.failure: PerdureError | None = None
        """The bridge's, which is not the graph's."""
        self.failed = asyncio.Event()
        """Set when nothing more can be published: the slice must end."""

    async def __aenter__(self) -> Publisher:
        self._sender = asyncio.create_task(self._send_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_sending(_OverError())
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    def put(self, outgoing: Outgoing) -> None:
        """Accept an event. It is sent at once, or when what it reports is saved."""
        event = NewEvent(outgoing.event, to_json(outgoing.payload), outgoing.key)
        self._queue.append(_Waiting(event, self._gate(outgoing)))
        self._accepted += 1
        self._bytes += len(event.data)
        self._stirred.set()

    def _gate(self, outgoing: Outgoing) -> asyncio.Event | None:
        if outgoing.task is not None:
            return self._saving.get(outgoing.task)
        checkpoint = outgoing.checkpoint
        if checkpoint is None or not self._ordered or checkpoint in self._saved:
            return None
        if checkpoint not in self._saving:
            # It may be reported before its save begins. One that never does is of a graph with a saver of its own.
            self._saving[checkpoint] = asyncio.Event()
            self._before[checkpoint] = self._accepted
            asyncio.get_running_loop().call_later(_REPORT_TIMEOUT, self._give_up, checkpoint)
        return self._saving[checkpoint]

    def _give_up(self, checkpoint: str) -> None:
        if checkpoint not in self._begun and (gate := self._saving.pop(checkpoint, None)):
            gate.set()
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
            self._crowded = True
            await self._wait_published(self._published + 1)
        if self._crowded:
            self._crowded = False
            self._move()

    async def flush(self, count: int | None = None) -> None:
        """Wait until the first `count` events (all so far) are in the bridge. Raises what made that impossible."""
        await self._wait_published(self._accepted if count is None else count)

    # What the saver calls.

    async def before_writes(
        self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]], *, namespace: str
    ) -> None:
        silent = all(channel in _SILENT_CHANNELS for channel, _ in writes) or task_path.endswith(START)
        if not self._ordered or silent:
            return
        self._begun[task_id] = namespace
        self._saving[task_id] = asyncio.Event()
        await self._until(lambda: not self._crowded)
        try:
            async with asyncio.timeout(_REPORT_TIMEOUT):
                await self._until(lambda: task_id in self._reported)
        except TimeoutError:
            logger.debug("task %s of run %s saves without a report", task_id, self._run_id)
        await self.flush(self._reported.get(task_id))

    def after_writes(self, task_id: str, *, saved: bool) -> None:
        self._reported.pop(task_id, None)
        self._after_save(task_id, saved=saved)

    async def before_checkpoint(self, checkpoint_id: str, *, namespace: str) -> None:
        if not self._ordered:
            return
        # Not what has come since its report: with durability `async` that may itself wait for this checkpoint. And
        # only tasks of its own graph, whose reports come before its own: one of another graph may come behind it.
        limit = self._before.pop(checkpoint_id, None)
        events = self._accepted if limit is None else limit
        saves = [self._saving[id] for id in self._own_tasks(namespace, limit)]
        self._begun[checkpoint_id] = _CHECKPOINT
        self._saving.setdefault(checkpoint_id, asyncio.Event())
        with suppress(TimeoutError):  # without its report to go by, a task might be one of the next superstep
            async with asyncio.timeout(_REPORT_TIMEOUT if limit is None else None):
                for gate in saves:
                    await gate.wait()
        await self.flush(events)

    def _own_tasks(self, namespace: str, limit: int | None) -> list[str]:
        own = [id for id, of in self._begun.items() if of == namespace and id in self._saving]
        return own if limit is None else [id for id in own if self._reported.get(id, limit + 1) <= limit]

    def after_checkpoint(self, checkpoint_id: str, *, saved: bool) -> None:
        self._after_save(checkpoint_id, saved=saved)

    def _after_save(self, id: str, *, saved: bool) -> None:
        self._saved.add(id)
        self._begun.pop(id, None)
        if not saved:  # what reports it must not come out; why it failed is for the saver to say
            self._stop_sending(_OverError())
        if gate := self._saving.pop(id, None):
            gate.set()
        self._stirred.set()

    def loaded(self, found: CheckpointTuple) -> None:
        self._saved.add(found.checkpoint["id"])
        self._on_loaded(found)

    # Sending.

    async def _wait_published(self, count: int) -> None:
        await self._until(lambda: self._published >= count)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self._halt is not None:
                raise self._halt
            await self._moved.wait()

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _send_for_ever(self) -> None:
        while self._halt is None:
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
        if self._halt is not None:
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
        self.failure = error
        self.failed.set()
        self._stop_sending(error)

    def _stop_sending(self, reason: Exception) -> None:
        self._halt = self._halt or reason
        self._move()


class _OverError(Exception):
    """Nothing more is sent: a save has failed, or the slice is over."""
