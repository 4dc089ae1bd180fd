"""The events of one live graph, on their way to the store: in small batches, and before what they belong to is saved.

A finished task does not run again, so its events are in the store, and sealed there, before its writes are saved. If
the process dies between the two, the task begins again, and what it says then takes the place of what it had said.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...contracts.errors import PerdureError
from ...contracts.events import EventCategory
from ...contracts.recent import Recent
from ...contracts.serialization.serializer import to_json
from ...store.event_contract import EventBatch, NewRunEvent, RunEventStore
from ..attempt.heartbeat import Say
from ..attempt.retry import when_there
from .task_paths import around, ids_in, seal_of, task_in

_PAUSE = 0.1
"""Seconds that an event waits for company while its task runs."""
_LAST_WORDS = 5.0
"""Seconds for what a graph that was cut off has left to write."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, as a callback tells it."""

    event_type: str
    category: EventCategory
    content: Any
    metadata: Mapping[str, Any]
    task: str
    """The path of its task, empty outside of any."""
    if_new: bool = False


class EventRecorder:
    """Writes while `async with` it. What is waited for raises whatever made it impossible."""

    def __init__(
        self, store: RunEventStore | None, run_id: str, *, fence: int, attempt: int, say: Say = lambda _: None
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._fence = fence
        self._attempt = attempt
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        """A node that is a plain function runs in a thread, and its callbacks with it."""
        self._pending: list[NewRunEvent] = []
        self._number = 0
        self._open: set[str] = set()
        """Paths of tasks with events that are not sealed."""
        self._ended = Recent[str]()
        self._begun: set[str] = set()
        """Tasks of which the store has not been told yet that they have begun."""
        self._told_begun = Recent[str]()
        self._closed = store is None
        self._stirred = asyncio.Event()
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self.failure: Exception | None = None
        """The store's, which is not the graph's."""
        self.failed = asyncio.Event()

    async def __aenter__(self) -> EventRecorder:
        self._writer = asyncio.create_task(self._write_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True  # a function that ignores its cancellation may go on and on
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        with suppress(PerdureError, TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await self.flush()

    def add(self, *happenings: Happening) -> None:
        """Accept events, from any thread."""
        now = datetime.now(UTC)
        contents = [to_json(one.content) for one in happenings]
        with self._lock:
            if self._closed:
                return
            for one, content in zip(happenings, contents, strict=True):
                self._number += 1
                self._pending.append(
                    NewRunEvent(
                        number=self._number,
                        event_type=one.event_type,
                        category=one.category,
                        content=content,
                        metadata=one.metadata,
                        task=one.task or None,
                        created_at=now,
                        if_new=one.if_new,
                    )
                )
                if one.task:
                    self._open.add(one.task)
                    self._begun.update(task for task in around(one.task) if task not in self._told_begun)
        self._loop.call_soon_threadsafe(self._stirred.set)

    async def before_writes(self, task_id: str) -> None:
        """The task has finished: its events, and those of tasks within, stay."""
        with self._lock:
            paths = [path for path in self._open if task_id in ids_in(path)]
        if paths:
            await self.flush({path: seal_of(path, task_id) for path in paths})

    def end(self, task_id: str) -> None:
        """A task has finished."""
        self._ended.add(task_id)

    async def before_checkpoint(self, namespace: str, *, ahead: bool) -> None:
        """A superstep of a graph has finished, and its tasks with it. (LangGraph may save their writes only later.)

        `ahead`: tasks of the next one may run already.
        """
        with self._lock:
            seals = {path: seal for path in self._open if (seal := task_in(path, namespace))}
        if ahead:
            seals = {path: seal for path, seal in seals.items() if ids_in(seal)[-1] in self._ended}
        if seals:
            await self.flush(seals)

    async def flush(self, seals: Mapping[str, str] | None = None) -> None:
        """Write everything so far. Raises what the store raised."""
        async with self._turn:
            if self.failure is not None:
                raise self.failure
            batch = self._batch(seals or {})
            if batch.events or batch.sealed:
                try:
                    await self._written(batch)
                except BaseException as exc:
                    self._take_back(batch, exc)
                    raise
                self._forget(batch)

    def _batch(self, seals: Mapping[str, str]) -> EventBatch:
        with self._lock:
            self._open.difference_update(seals)  # a later event opens its path again
            return EventBatch([*self._pending], sorted(self._begun), seals)

    def _take_back(self, batch: EventBatch, reason: BaseException) -> None:
        """It was not written, or whoever waited for it was cancelled, which makes the next one write it again."""
        with self._lock:
            self._open.update(batch.sealed)
        if isinstance(reason, Exception):
            self.failure = reason
            self.failed.set()

    def _forget(self, batch: EventBatch) -> None:
        with self._lock:
            del self._pending[: len(batch.events)]
            self._begun.difference_update(batch.begun)
            for task in batch.begun:
                self._told_begun.add(task)

    async def _written(self, batch: EventBatch) -> None:
        if (store := self._store) is None:
            return

        async def write() -> None:
            await store.write(self._run_id, batch, fence=self._fence, attempt=self._attempt)

        await when_there(write, what="store", run_id=self._run_id, say=self._say)

    async def _write_for_ever(self) -> None:
        while self.failure is None:
            await self._stirred.wait()
            await asyncio.sleep(_PAUSE)
            self._stirred.clear()
            with suppress(Exception):  # it is kept as the failure, and ends the slice
                await self.flush()
