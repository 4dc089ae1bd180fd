"""The announcement of a worker: which graphs it serves, for as long as it is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from ..activities import BackEnds
from ..activities.graphs.graph_registry import nodes_of
from ..contracts.errors import PerdureError
from ..contracts.workers import LIFETIME, SENT_ON, WorkerRecord, this_process

logger = logging.getLogger(__name__)

_RENEWED = LIFETIME.total_seconds() / 3
"""Seconds between two renewals: one that fails or comes late does not matter."""


class Announcement:
    """Of one worker, `worker_id`; what its graphs are is looked up each time, since they may be loaded anew.

    On the common task queue with all of its graphs, for these take there what others send on; and on each queue that
    graphs have of their own with those.
    """

    def __init__(
        self, ends: BackEnds, worker_id: str, task_queue: str, own: Mapping[str, Sequence[str]], *, common: bool
    ) -> None:
        """`own`: the other task queues that are polled, and their graphs. `common`: the common one is polled."""
        self._store = ends.store
        self._graphs = ends.graphs
        self._worker_id = worker_id
        self._common_id = worker_id if common else f"{worker_id}{SENT_ON}"
        self._task_queue = task_queue
        self._own = own
        self._started_at = datetime.now(UTC)

    async def say(self) -> None:
        """This process is a worker that serves these graphs from now on."""
        graphs = {name: None if graph is None else nodes_of(graph) for name, graph in self._graphs.compiled()}
        await self._announce(self._common_id, self._task_queue, graphs)
        for queue, names in self._own.items():
            here = {name: graphs[name] for name in names if name in graphs}
            await self._announce(self._id_on(queue), queue, here)

    def _id_on(self, queue: str) -> str:
        return f"{self._worker_id}@{queue}"

    async def _announce(self, worker_id: str, queue: str, graphs: Mapping[str, tuple[str, ...] | None]) -> None:
        await self._store.workers.announce(
            WorkerRecord(
                worker_id=worker_id,
                task_queue=queue,
                name=this_process(),
                graphs=graphs,
                started_at=self._started_at,
                seen_at=datetime.now(UTC),
            )
        )

    @asynccontextmanager
    async def running(self, stopping: asyncio.Event) -> AsyncGenerator[None]:
        """Announced within the block, and until `stopping` is set: what is submitted then is for other workers."""
        await self.say()
        renewing = asyncio.create_task(self._renew(stopping))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
            await self._end()

    async def _renew(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                async with asyncio.timeout(_RENEWED):
                    await stopping.wait()
            except TimeoutError:
                await self._try_to_say()
        await self._end()

    async def _try_to_say(self) -> None:
        try:
            await self.say()
        except PerdureError as exc:  # it is tried again, and until then the announcement may lapse
            logger.warning("the worker could not say that it is there: %s", exc)

    async def _end(self) -> None:
        try:
            for worker_id in (*map(self._id_on, self._own), self._common_id):
                await self._store.workers.end(worker_id, datetime.now(UTC))
        except PerdureError as exc:
            logger.warning("the worker could not say that it stops; its announcement lapses: %s", exc)
