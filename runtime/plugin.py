"""`PerdurePlugin`: Perdure in a Temporal worker and client that a team has already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast

from temporalio.plugin import SimplePlugin
from temporalio.worker import Interceptor, WorkerConfig
from temporalio.worker import Worker as TemporalWorker

from ..activities import AnyObserver, GraphSource, RunActivities, recipients
from ..contracts.settings import Settings, load_settings
from ..workflows import WORKFLOWS
from .connection import check_client, data_converter
from .task_queues import heartbeat_throttle
from .worker import Worker

Next = Callable[[TemporalWorker], Awaitable[None]]


class PerdurePlugin(SimplePlugin):
    """Lets a worker of Temporal's SDK serve graphs as `perdure.Worker` does, beside its own workflows.

    `temporalio.worker.Worker(client, task_queue="…", plugins=[PerdurePlugin(graphs=…)])`: runs of this task queue are
    served, on the client's connection, with its codec and interceptors and those of the worker. The client has to know
    pydantic's models, and to encrypt where the settings do: `Client.connect(…, plugins=[PerdurePlugin()])` sees to it,
    with any payload codec. On a client it is passed on to all of the client's workers; if only some are to serve, give
    it to those, and the client `temporalio.contrib.pydantic.pydantic_data_converter`.

    What `perdure.Worker` is given: `graphs`, `settings` (or `config`), `observers`. The task queue is the worker's.
    """

    def __init__(
        self,
        graphs: Mapping[str, GraphSource] | None = None,
        *,
        settings: Settings | None = None,
        config: str | Path | None = None,
        observers: Iterable[AnyObserver] = (),
    ) -> None:
        """Raises as `perdure.Worker`."""
        self._settings = settings or load_settings(config)
        super().__init__("perdure", data_converter=partial(data_converter, self._settings), workflows=WORKFLOWS)
        self._graphs = graphs
        self._observers = list(observers)
        recipients(self._observers)
        self._served = asyncio.Event()

    async def serving(self) -> None:
        """Return once a worker of this plugin serves. (The SDK's `async with worker` does not wait for that.)"""
        await self._served.wait()

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """Adds ours, and what these need. Raises `ConfigError` for a client without pydantic's models."""
        # It comes again when the client has it, too, and with each worker that ours has beside this one.
        if _ours(config):
            return config
        config = super().configure_worker(config)
        check_client(config["client"], self._settings)  # pyright: ignore[reportTypedDictNotRequiredAccess]
        config["activities"] = [*config.get("activities", ()), *LateActivities().all]
        self._adapt(config)
        return config

    def _adapt(self, config: WorkerConfig) -> None:
        worker, zero = self._settings.worker, timedelta()
        # A slice takes until its next superstep boundary to hand its run on.
        graceful = timedelta(seconds=worker.graceful_shutdown)
        config["graceful_shutdown_timeout"] = max(graceful, config.get("graceful_shutdown_timeout", zero))
        throttle = heartbeat_throttle(self._settings)
        config["max_heartbeat_throttle_interval"] = min(
            throttle, config.get("max_heartbeat_throttle_interval", throttle)
        )
        sticky = timedelta(seconds=worker.sticky_timeout)
        config["sticky_queue_schedule_to_start_timeout"] = min(
            sticky, config.get("sticky_queue_schedule_to_start_timeout", sticky)
        )
        if config.get("tuner") is None and config.get("max_concurrent_activities") is None:
            config["max_concurrent_activities"] = worker.max_concurrent_activities

    async def run_worker(self, worker: TemporalWorker, next: Next) -> None:
        """Serve for as long as the worker runs. Raises as `perdure.Worker.run`."""
        config = worker.config(active_config=True)
        late = _late(config)
        if late is None or late.filled:
            await next(worker)
            return
        temporal = self._settings.temporal.model_copy(update={"task_queue": worker.task_queue})
        ours = Worker(
            graphs=self._graphs,
            settings=self._settings.model_copy(update={"temporal": temporal}),
            client=worker.client,
            observers=self._observers,
            interceptors=cast("list[Interceptor]", config.get("interceptors", ())),
            queues=[worker.task_queue],
        )

        def host(activities: RunActivities) -> _Hosted:
            late.fill(activities)
            self._served.set()
            return _Hosted(worker, next, ours.stop)

        try:
            await ours.run(host=host)
        finally:
            if not late.filled:
                await _end_unstarted(worker, next)


class LateActivities(RunActivities):
    """Registered with a worker before the stores are open, and filled before it polls."""

    def __init__(self) -> None:
        self.filled = False

    def fill(self, by: RunActivities) -> None:
        """From now on these are the others."""
        vars(self).update(vars(by))
        self.filled = True


@dataclass(frozen=True, slots=True)
class _Hosted:
    """The team's worker, for ours to wait for and to end."""

    worker: TemporalWorker
    next: Next
    stop: Callable[[], None]

    async def run(self) -> None:
        try:
            await self.next(self.worker)
        finally:
            self.stop()

    async def shutdown(self) -> None:
        await self.worker.shutdown()


async def _end_unstarted(worker: TemporalWorker, next: Next) -> None:
    """Else its `shutdown`, and with it `async with`, would wait for ever for a worker that has never run."""
    await asyncio.gather(worker.shutdown(), next(worker), return_exceptions=True)


def _ours(config: WorkerConfig) -> list[RunActivities]:
    activities = cast("Iterable[object]", config.get("activities", ()))
    owners = [getattr(activity, "__self__", None) for activity in activities]
    return [owner for owner in owners if isinstance(owner, RunActivities)]


def _late(config: WorkerConfig) -> LateActivities | None:
    return next((ours for ours in _ours(config) if isinstance(ours, LateActivities)), None)
