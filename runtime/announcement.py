"""The announcement of a worker: which graphs it serves, for as long as it is there."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from ..activities import GraphRegistry
from ..contracts.errors import PerdureError
from ..contracts.workers import LIFETIME, WorkerRecord
from ..store.contract import Store

logger = logging.getLogger(__name__)

_RENEWED = LIFETIME.total_seconds() / 3
"""Seconds between two renewals: one that fails or comes late does not matter."""


def describe_worker(worker_id: str, task_queue: str, graphs: GraphRegistry) -> WorkerRecord:
    """This process, as a worker that serves these graphs from now on."""
    now = datetime.now(UTC)
    return WorkerRecord(
        worker_id=worker_id,
        task_queue=task_queue,
        name=f"process {os.getpid()} on {socket.gethostname()}",
        graphs={
            name: None if graph is None else tuple(sorted(node for node in graph.nodes if not node.startswith("__")))
            for name, graph in graphs.compiled()
        },
        started_at=now,
        seen_at=now,
    )


@asynccontextmanager
async def announced(store: Store, worker: WorkerRecord, stopping: asyncio.Event) -> AsyncGenerator[None]:
    """Announced within the block, and until `stopping` is set: what is submitted then is for other workers."""
    await store.workers.announce(worker)
    renewing = asyncio.create_task(_renew(store, worker, stopping))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})
        await _end(store, worker)


async def _renew(store: Store, worker: WorkerRecord, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            async with asyncio.timeout(_RENEWED):
                await stopping.wait()
        except TimeoutError:
            await _try_to_announce(store, worker)
    await _end(store, worker)


async def _try_to_announce(store: Store, worker: WorkerRecord) -> None:
    try:
        await store.workers.announce(worker.model_copy(update={"seen_at": datetime.now(UTC)}))
    except PerdureError as exc:  # it is tried again, and until then the announcement may lapse
        logger.warning("the worker could not say that it is there: %s", exc)


async def _end(store: Store, worker: WorkerRecord) -> None:
    try:
        await store.workers.end(worker.worker_id, datetime.now(UTC))
    except PerdureError as exc:
        logger.warning("the worker could not say that it stops; its announcement lapses: %s", exc)
