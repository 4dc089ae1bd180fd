"""Whether a run can be executed: by a worker that is there, with its graph, and its nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from ..contracts.errors import GraphNotServedError, InvalidRunError, NoWorkerError, UnknownGraphError
from ..contracts.settings import Settings
from ..contracts.types import RunSpec
from ..contracts.workers import WorkerRecord, served_by, those_there, unknown_nodes
from ..store.contract import Store

_PAUSE = 0.2
"""Seconds between two looks at the announcements: a worker that is exchanged for a newer one takes some."""
_KNOWN_FOR = 2.0
"""Seconds for which what workers have announced is taken to be so still. A run that finds it otherwise waits."""


class ServedGraphs:
    """What the workers serve: those of the common task queue, and those of the queues that graphs have of their own."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._queues = {queue: _Queue(queue, store) for queue in (settings.temporal.task_queue, *settings.task_queues)}

    async def check(self, spec: RunSpec) -> None:
        """Return once a worker serves the graph of the run. Nothing is written.

        Raises `UnknownGraphError`, `InvalidRunError` for a breakpoint at a node that the graph does not have, and when
        no worker that serves the graph comes within `submit_timeout` `GraphNotServedError`, or `NoWorkerError` where
        the graph has a task queue of its own.
        """
        _check_nodes(spec, await self._serving(spec.assistant_id))

    async def _serving(self, graph: str) -> list[WorkerRecord]:
        began, own = time.monotonic(), self._settings.queue_of(graph)
        queue = self._queues[own or self._settings.temporal.task_queue]
        if began - queue.seen > _KNOWN_FOR or not queue.serving(graph):
            await queue.look()
        while True:
            if found := queue.serving(graph):
                return found
            self._check_known(graph, queue, time.monotonic() - began, own)
            await asyncio.sleep(_PAUSE)
            await queue.look()

    def _check_known(self, graph: str, queue: _Queue, waited: float, own: str | None) -> None:
        """Raises unless a worker may come that serves the graph: one that did may just be exchanged for a newer one."""
        limit = self._settings.temporal.submit_timeout
        if own is not None:  # the settings know the graph: a worker for it may come at any time
            if waited > limit:
                raise NoWorkerError(own, limit, graph=graph)
            return
        before = next((worker for worker in queue.workers if graph in worker.graphs), None)
        there = queue.there()
        if before is None and (there or waited > limit):
            raise UnknownGraphError(graph, {name for one in there for name in one.graphs}, served_by(there))
        if before is not None and waited > limit:
            told = f"{before.name}, {before.fate(datetime.now(UTC))}"
            raise GraphNotServedError(graph, served_by(there), told, limit)


class _Queue:
    """What the workers of one task queue have announced."""

    def __init__(self, name: str, store: Store) -> None:
        self._name = name
        self._store = store
        self.workers: Sequence[WorkerRecord] = ()
        self.seen = float("-inf")

    async def look(self) -> None:
        self.workers, self.seen = await self._store.workers.list(self._name), time.monotonic()

    def there(self) -> list[WorkerRecord]:
        return those_there(self.workers, datetime.now(UTC))

    def serving(self, graph: str) -> list[WorkerRecord]:
        return [worker for worker in self.there() if graph in worker.graphs]


def _check_nodes(spec: RunSpec, serving: Sequence[WorkerRecord]) -> None:
    for field in ("interrupt_before", "interrupt_after"):
        for node, instead in unknown_nodes(serving, spec.assistant_id, getattr(spec, field)).items():
            raise InvalidRunError(
                f"{field}: the graph {spec.assistant_id!r} has no node {node!r}{instead}", field=field
            )
