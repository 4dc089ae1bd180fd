"""Whether a run can be executed: by a worker that is there, with its graph, and its nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from ..contracts.errors import GraphNotServedError, InvalidRunError, UnknownGraphError
from ..contracts.settings import TemporalSettings
from ..contracts.types import RunSpec
from ..contracts.workers import WorkerRecord, served_by, those_there, unknown_nodes
from ..store.contract import Store

_PAUSE = 0.2
"""Seconds between two looks at the announcements: a worker that is exchanged for a newer one takes some."""
_KNOWN_FOR = 2.0
"""Seconds for which what workers have announced is taken to be so still. A run that finds it otherwise waits."""


class ServedGraphs:
    """What the workers of one task queue serve."""

    def __init__(self, settings: TemporalSettings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._workers: Sequence[WorkerRecord] = ()
        self._seen = float("-inf")

    async def check(self, spec: RunSpec) -> None:
        """Return once a worker serves the graph of the run. Nothing is written.

        Raises `UnknownGraphError`, `InvalidRunError` for a breakpoint at a node that the graph does not have, and
        `GraphNotServedError` when no worker that serves the graph comes back within `submit_timeout`.
        """
        _check_nodes(spec, await self._serving(spec.assistant_id))

    async def _serving(self, graph: str) -> list[WorkerRecord]:
        began = time.monotonic()
        if began - self._seen > _KNOWN_FOR or not any(graph in worker.graphs for worker in self._there()):
            await self._look()
        while True:
            there = self._there()
            if found := [worker for worker in there if graph in worker.graphs]:
                return found
            self._check_known(graph, there, time.monotonic() - began)
            await asyncio.sleep(_PAUSE)
            await self._look()

    def _check_known(self, graph: str, there: Sequence[WorkerRecord], waited: float) -> None:
        """Raises unless a worker may come that serves the graph: one that did may just be exchanged for a newer one."""
        before = next((worker for worker in self._workers if graph in worker.graphs), None)
        limit = self._settings.submit_timeout
        if before is None and (there or waited > limit):
            raise UnknownGraphError(graph, {name for one in there for name in one.graphs}, served_by(there))
        if before is not None and waited > limit:
            told = f"{before.name}, {before.fate(datetime.now(UTC))}"
            raise GraphNotServedError(graph, served_by(there), told, limit)

    async def _look(self) -> None:
        self._workers, self._seen = await self._store.workers.list(self._settings.task_queue), time.monotonic()

    def _there(self) -> list[WorkerRecord]:
        return those_there(self._workers, datetime.now(UTC))


def _check_nodes(spec: RunSpec, serving: Sequence[WorkerRecord]) -> None:
    for field in ("interrupt_before", "interrupt_after"):
        for node, instead in unknown_nodes(serving, spec.assistant_id, getattr(spec, field)).items():
            raise InvalidRunError(
                f"{field}: the graph {spec.assistant_id!r} has no node {node!r}{instead}", field=field
            )
