"""`Worker`: serves graphs on a task queue until it is stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker as TemporalWorker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from ..activities import GraphRegistry, GraphSource, RunActivities, load_graphs
from ..bridge.open import open_bridge
from ..checkpoints.open import open_checkpoints
from ..contracts.settings import Settings, load_settings
from ..store.open import open_store
from ..workflows import RunWorkflow, ThreadWorkflow
from .connection import connect_temporal, ensure_search_attributes

logger = logging.getLogger(__name__)

# Loaded once and shared with the sandbox of each workflow, which would otherwise import them again and again.
# They are safe there: our workflows take only models and pure functions from them.
_PASSED_THROUGH = ("perdure", "pydantic", "pydantic_core", "annotated_types")
_HEARTBEAT_THROTTLE = timedelta(seconds=2)
"""How late a cancel through the heartbeat can be, when the stop channel fails."""


class Worker:
    """`async with Worker(graphs={"name": graph}): ...` serves until the block ends; `await worker.run()` for ever.

    `graphs`: names and graphs, instead of the file that the settings name. Stopping it hands its runs on at their
    next superstep boundary, at the latest after `worker.graceful_shutdown`.
    """

    def __init__(
        self,
        *,
        graphs: Mapping[str, GraphSource] | None = None,
        settings: Settings | None = None,
        config: str | Path | None = None,
        client: Client | None = None,
    ) -> None:
        self._settings = settings or load_settings(config)
        self._graphs = graphs
        self._client = client
        self._stopping = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until `stop`. Raises `GraphLoadError`, `ConfigError` or `UnavailableError` before anything starts."""
        async with self._running() as worker:
            ended = asyncio.create_task(worker.run())
            stopping = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if stopping.done():
                    await worker.shutdown()
                await ended
            finally:
                stopping.cancel()
                if not ended.done():
                    await worker.shutdown()

    def stop(self) -> None:
        """Ask for a graceful stop; `run` returns when it is done."""
        self._stopping.set()

    async def __aenter__(self) -> Worker:
        started = asyncio.Event()
        self._serving = asyncio.create_task(self._serve(started))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait({self._serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._serving.done():
            self._serving.result()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        if self._serving is not None:
            await self._serving

    async def _serve(self, started: asyncio.Event) -> None:
        async with self._running() as worker, worker:
            started.set()
            await self._stopping.wait()

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[TemporalWorker]:
        settings = self._settings
        graphs = await load_graphs(settings.graphs if self._graphs is None else self._graphs)
        client = self._client or await connect_temporal(settings)
        await ensure_search_attributes(client)
        store, bridge = open_store(settings.store_url), open_bridge(settings.bridge_url)
        checkpoints = open_checkpoints(settings.checkpointer_url)
        try:
            await asyncio.gather(store.start(), bridge.start(), checkpoints.start())
            await store.announce_graphs(settings.temporal.task_queue, graphs.names)
            activities = RunActivities(
                graphs=graphs, bridge=bridge, store=store, checkpoints=checkpoints, client=client
            )
            logger.info("serving %s on task queue %s", _listed(graphs), settings.temporal.task_queue)
            yield self._temporal_worker(client, activities)
        finally:
            await checkpoints.close()
            await bridge.close()
            await store.close()

    def _temporal_worker(self, client: Client, activities: RunActivities) -> TemporalWorker:
        worker = self._settings.worker
        restrictions = SandboxRestrictions.default.with_passthrough_modules(*_PASSED_THROUGH)
        return TemporalWorker(
            client,
            task_queue=self._settings.temporal.task_queue,
            workflows=[RunWorkflow, ThreadWorkflow],
            activities=activities.all,
            # Else the SDK reads every loaded module to make one up: 1.5 s before the first poll.
            build_id=f"perdure-{version('perdure')}",
            workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
            max_concurrent_activities=worker.max_concurrent_activities,
            max_cached_workflows=worker.max_cached_workflows,
            graceful_shutdown_timeout=timedelta(seconds=worker.graceful_shutdown),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=worker.sticky_timeout),
            max_heartbeat_throttle_interval=_HEARTBEAT_THROTTLE,
        )


def _listed(graphs: GraphRegistry) -> str:
    return ", ".join(graphs.names) or "no graphs"
