"""The task queues that a worker polls: the common one, that of short activities, one for each graph, and its own."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Protocol

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import (
    Interceptor,
    PollerBehavior,
    PollerBehaviorAutoscaling,
    PollerBehaviorSimpleMaximum,
    UnsandboxedWorkflowRunner,
)
from temporalio.worker import Worker as TemporalWorker

from ..activities import GraphRegistry, LiveGraphs, RunActivities
from ..activities.attempt.heartbeat import BEATS
from ..contracts.settings import Settings
from ..contracts.wire_serving import graph_task_queue, short_task_queue
from ..workflows import WORKFLOWS
from .pollers import identity
from .versioning import deployment_config, version_of

_LINGER = 1.0
"""Seconds for which a worker that shuts down still says that it holds a graph no more: its next slice comes in a
moment, and would else be waited for."""
_HEARTBEAT_THROTTLE = 2.0
"""Seconds by which a cancel through the heartbeat can be late, when the stop channel fails."""
_MANY = 1000
"""Activities at once, of those that wait more than they work: a slice here goes on with a graph that is held anyway."""


_BUILD = f"perdure-{version('perdure')}"
"""Else the SDK reads every loaded module to make one up: 1.5 s before the first poll."""
_PROCESS = uuid.uuid4().hex[:8]
_ONE, _FIVE = PollerBehaviorSimpleMaximum(1), PollerBehaviorSimpleMaximum(5)
"""The second is the SDK's default."""


class Polling(Protocol):
    """A worker of Temporal's SDK, as far as it is run and ended here."""

    async def run(self) -> None: ...

    async def shutdown(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TaskQueues:
    """Makes the workers of Temporal's SDK that one of ours consists of."""

    client: Client
    settings: Settings
    activities: RunActivities
    installation: str
    ended: Callable[[asyncio.Task[None]], None]
    """Told when one of the workers has ended, and how."""
    interceptors: Sequence[Interceptor] = ()

    @property
    def version(self) -> WorkerDeploymentVersion | None:
        """Of the workflows; what has only activities takes them of every version."""
        return version_of(self.settings)

    @asynccontextmanager
    async def polling(self, *workers: Polling) -> AsyncGenerator[None]:
        """While the block runs. (In the SDK's own `async with` two that fail at once cancel each other's ends.)"""
        running = [self.start(worker) for worker in workers]
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in workers))
            if running:
                await asyncio.wait(running)

    def start(self, worker: Polling) -> asyncio.Task[None]:
        """Have it poll, until it is shut down."""
        running = asyncio.create_task(worker.run())
        running.add_done_callback(self.ended)
        return running

    def common(self) -> TemporalWorker:
        """For workflows and slices. It is not started here."""
        worker = self.settings.worker
        return TemporalWorker(
            self.client,
            task_queue=self.settings.temporal.task_queue,
            identity=worker_identity(self.installation),
            workflows=WORKFLOWS,
            activities=self.activities.all,
            build_id=None if self.version else _BUILD,
            deployment_config=deployment_config(self.version) if self.version else None,
            interceptors=self.interceptors,
            # The sandbox looks for what a replay would do otherwise, at a tenth of a worker's work. Ours have no such
            # thing: tests/architecture reads each line of them, and tests/determinism replays them.
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_concurrent_activities=worker.max_concurrent_activities,
            max_concurrent_workflow_tasks=worker.max_concurrent_workflow_tasks,
            max_concurrent_local_activities=worker.max_concurrent_local_activities,
            workflow_task_poller_behavior=self._pollers,
            activity_task_poller_behavior=self._pollers,
            max_cached_workflows=worker.max_cached_workflows,
            graceful_shutdown_timeout=timedelta(seconds=worker.graceful_shutdown),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=worker.sticky_timeout),
            max_heartbeat_throttle_interval=heartbeat_throttle(self.settings),
            # There is no external storage here, and with more the SDK makes a task to look for it in each payload.
            max_workflow_task_external_storage_concurrency=1,
        )

    @property
    def _pollers(self) -> PollerBehavior:
        pollers = self.settings.worker.pollers
        if not pollers.scale:
            return PollerBehaviorSimpleMaximum(pollers.maximum)
        return PollerBehaviorAutoscaling(pollers.minimum, pollers.maximum, pollers.initial)

    def of_queue(self, queue: str) -> TemporalWorker:
        """For the slices of the graphs that have this queue of their own. It is not started here."""
        at_once = self.settings.worker.max_concurrent_activities
        return self._of_activities(queue, [self.activities.run_supersteps], at_once=at_once, pollers=self._pollers)

    def short(self) -> TemporalWorker:
        """For what must not wait behind the slices of all runs: their ends, questions, rollbacks, and watches."""
        queue = short_task_queue(self.settings.temporal.task_queue)
        return self._of_activities(queue, self.activities.all, at_once=_MANY)

    def of_graph(self, name: str) -> TemporalWorker:
        """For what other workers send on, because they do not serve the graph."""
        queue = graph_task_queue(self.settings.temporal.task_queue, name)
        at_once = self.settings.worker.max_concurrent_activities
        return self._of_activities(queue, self.activities.of_graphs, at_once=at_once, pollers=_ONE)

    @asynccontextmanager
    async def own(self, live: LiveGraphs, stopping: asyncio.Event) -> AsyncGenerator[None]:
        """For the slices of graphs that are held here. It hands its runs on when the others begin to."""
        worker = self._of_activities(live.task_queue, [self.activities.run_supersteps], at_once=_MANY)
        async with self.polling(worker):
            handing_on = asyncio.create_task(_stop_too(worker, stopping))
            try:
                yield
            finally:
                handing_on.cancel()
                if live.has_let_go:
                    await asyncio.sleep(_LINGER)

    def _of_activities(
        self, task_queue: str, activities: list[Callable[..., Any]], *, at_once: int, pollers: PollerBehavior = _FIVE
    ) -> TemporalWorker:
        return TemporalWorker(
            self.client,
            task_queue=task_queue,
            identity=worker_identity(self.installation),
            activities=activities,
            build_id=_BUILD,
            interceptors=self.interceptors,
            max_concurrent_activities=at_once,
            activity_task_poller_behavior=pollers,
            graceful_shutdown_timeout=timedelta(seconds=self.settings.worker.graceful_shutdown),
            max_heartbeat_throttle_interval=heartbeat_throttle(self.settings),
        )


def worker_identity(installation: str) -> str:
    """Of the workers of this process in Temporal. (Its number may be that of one that is dead.)"""
    return identity(f"{os.getpid()}@{socket.gethostname()}/{_PROCESS}", installation)


def heartbeat_throttle(settings: Settings) -> timedelta:
    """How long the SDK may keep a heartbeat back: with its own rule, one that is late is soon a lost worker."""
    return timedelta(seconds=min(_HEARTBEAT_THROTTLE, settings.runs.heartbeat_timeout / BEATS))


class GraphQueues:
    """The task queues of the graphs that are served here, also of those that come in while the worker runs."""

    def __init__(self, queues: TaskQueues, graphs: GraphRegistry) -> None:
        self._queues = queues
        self._graphs = graphs
        self._workers: dict[str, TemporalWorker] = {}
        self._running: list[asyncio.Task[None]] = []

    def look(self) -> None:
        """Poll for graphs that are new. One that is served no more sends on what comes."""
        for name in self._graphs.names:
            if name not in self._workers:
                self._workers[name] = self._queues.of_graph(name)
                self._running.append(self._queues.start(self._workers[name]))

    @asynccontextmanager
    async def polling(self) -> AsyncGenerator[None]:
        """While the block runs."""
        self.look()
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in self._workers.values()), return_exceptions=True)
            await asyncio.gather(*self._running, return_exceptions=True)


async def _stop_too(worker: TemporalWorker, stopping: asyncio.Event) -> None:
    await stopping.wait()
    await asyncio.sleep(_LINGER)
    await worker.shutdown()
