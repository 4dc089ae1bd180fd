"""`Worker`: serves graphs on a task queue until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Interceptor

from ..activities import (
    AnyObserver,
    BackEnds,
    Dispatcher,
    GraphRegistry,
    GraphSource,
    LetGo,
    LiveGraphs,
    MemoryBound,
    NotifyWorkflows,
    Pulse,
    RunActivities,
    Webhook,
    load_graphs,
    project_warnings,
    recipients,
    takeover_warnings,
)
from ..activities.attempt.activity_log import log_in_one_line
from ..activities.finalizer import Finalizer
from ..activities.stream.lasting_bridge import LastingBridge
from ..blocking import restrict_home
from ..contracts.errors import WorkerStoppedError
from ..contracts.langgraph_json import LangGraphJson, read_langgraph_json
from ..contracts.serialization.allowed_types import ALLOWED
from ..contracts.serialization.text import message_of
from ..contracts.settings import Settings, load_settings
from ..contracts.telemetry.redaction import redact_logs
from ..contracts.wire_serving import own_task_queue
from ..store.contract import Store
from .announcement import Announcement
from .back_ends import settings_bridge, settings_checkpoints, settings_store
from .connection import check_client, connect_temporal, ensure_search_attributes
from .dead_workers import DeadWorkers
from .firing import firing_of
from .health import Readiness, serving_health
from .housekeeping import Housekeeping
from .keys import open_keyring_aside
from .memory_trim import trimmed_when_idle
from .node_memory import open_node_memory
from .parts import opened
from .pollers import ACTIVITIES, check_alone, namespace_id
from .reloader import Reload, Reloader
from .retiring import retention_of_worker
from .routing import routing_of
from .server_lock import place_of_own_server
from .task_queues import GraphQueues, Polling, TaskQueues, worker_identity
from .telemetry import set_up_telemetry
from .versioning import make_current, version_of
from .worker_lock import worker_lock

logger = logging.getLogger(__name__)

Host = Callable[[RunActivities], Polling]


class Worker:
    """`async with Worker(graphs={"name": graph}): ...` serves until the block ends; `await worker.run()` for ever.

    A worker that stops serving by itself cancels the block, and its end raises `WorkerStoppedError`.

    `graphs`: names and graphs, instead of the file that the settings name. `observers`: who is told what happens to
    runs (`docs/observers.md`); all workers of a task queue have the same ones. `on_reload`: load graphs whose files
    change anew, and tell it what became of that; not for `graphs`. The block begins when it serves: its
    graphs are announced, and what is submitted from then on is taken. Stopping it hands its runs on at their next
    superstep boundary, at the latest after `worker.graceful_shutdown`. Beside its tasks it sees to runs that their
    client has left and that nobody brings to their end (`housekeeping.py`). `interceptors`: Temporal's, of workers.
    `queues`: those of the settings' `task_queues` that it serves, and no others, in place of `worker.queues`.
    """

    def __init__(
        self,
        *,
        graphs: Mapping[str, GraphSource] | None = None,
        settings: Settings | None = None,
        config: str | Path | None = None,
        client: Client | None = None,
        observers: Iterable[AnyObserver] = (),
        on_reload: Callable[[Reload], None] | None = None,
        interceptors: Sequence[Interceptor] = (),
        queues: Iterable[str] = (),
    ) -> None:
        """Raises `ConfigError`; `TypeError` for what is no observer, `ValueError` for two of the same name."""
        self._observers = recipients(observers)
        self._settings = settings or load_settings(config)
        self._routing = routing_of(self._settings, queues)
        self._graphs = None if graphs is None else self._routing.of(graphs)
        self._on_reload = on_reload
        self._client = client
        self._interceptors = interceptors
        self._stopping = asyncio.Event()
        self._over = asyncio.Event()
        """It stops, or a part of it has failed."""
        self._failures: list[BaseException] = []
        self._readiness = Readiness(self._over)
        self._serving: asyncio.Task[None] | None = None
        self._within: asyncio.Task[object] | None = None
        """Executes the block of `async with`."""
        self._cancelled = False

    async def run(self, *, once_loaded: Callable[[], None] | None = None, host: Host | None = None) -> None:
        """Serve until `stop`. `once_loaded` is called when all is loaded and open, and no run has begun here.

        `host`: gives the worker of the task queue, if there is one already (`plugin.py`).

        Raises `GraphLoadError`, `ConfigError` or `UnavailableError` before anything starts, and `WorkerStoppedError`
        when it stops serving by itself.
        """
        health = self._settings.worker.health
        async with serving_health(health, self._readiness), self._running(host) as polling:
            if once_loaded is not None:
                once_loaded()
            async with polling:
                self._readiness.serves = True
                await self._over.wait()
        if self._failures:
            failure = self._failures[0]
            raise WorkerStoppedError(self._settings.temporal.task_queue, message_of(failure)) from failure

    def _note_end(self, polling: asyncio.Task[None]) -> None:
        if (failure := _error_of(polling)) is not None:
            self._failures.append(failure)
            self._over.set()

    def stop(self) -> None:
        """Ask for a graceful stop; `run` returns when it is done."""
        self._stopping.set()
        self._over.set()

    async def __aenter__(self) -> Worker:
        started = asyncio.Event()
        self._serving = asyncio.create_task(self.run(once_loaded=started.set))
        waiting = asyncio.create_task(started.wait())
        try:
            await asyncio.wait({self._serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # `__aexit__` is not called then
            self._serving.cancel()
            await asyncio.wait({self._serving})
            raise
        finally:
            waiting.cancel()
        if self._serving.done():
            self._serving.result()
        self._within = asyncio.current_task()
        self._serving.add_done_callback(self._end_block)
        return self

    def _end_block(self, serving: asyncio.Task[None]) -> None:
        """A block whose worker has stopped by itself would wait for its runs for ever."""
        if self._within is not None and not self._stopping.is_set():
            logger.error("the worker has stopped serving, its block is cancelled: %r", _error_of(serving))
            self._cancelled = self._within.cancel()

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        if self._within is not None and self._cancelled:
            self._within.uncancel()
        if self._serving is not None:
            await self._serving

    @asynccontextmanager
    async def _running(self, host: Host | None) -> AsyncGenerator[AbstractAsyncContextManager[None]]:
        settings = self._settings
        set_up_telemetry()
        log_in_one_line()
        keyring = await open_keyring_aside(settings.encryption)
        if keyring is not None:
            redact_logs()
        restrict_home(settings.home)
        # Before the graphs, which take long to load: a wrong URL is told at once.
        store = settings_store(settings)
        project = self._project()
        graphs, reloader = await self._load(project)
        client = self._client or await connect_temporal(settings)
        check_client(client, settings)
        self._readiness.client = client
        await ensure_search_attributes(client)
        bridge = LastingBridge(settings_bridge(settings), store)
        ends = BackEnds(graphs, bridge, store, settings_checkpoints(settings), settings.limits)
        graphs.memory = memory = open_node_memory(settings, project)
        async with opened(store, ends.bridge, ends.checkpoints, memory):
            await self._check_temporal(client, store)
            served = ", ".join(graphs.names) or "no graphs"
            logger.info("serving %s on task queue %s", served, ", ".join(self._routing.polled))
            self._warn(graphs, project)
            if (version := version_of(settings)) is not None:
                logger.info("%s takes runs once it is current: %s", version, make_current(client, version))
            async with self._at_work(ends, client, reloader, host) as polling:
                yield polling

    @asynccontextmanager
    async def _at_work(
        self, ends: BackEnds, client: Client, reloader: Reloader | None, host: Host | None
    ) -> AsyncGenerator[AbstractAsyncContextManager[None]]:
        """All that a worker does while its back ends are open. What polls the common queue is left to the caller."""
        task_queue, dispatcher = self._settings.temporal.task_queue, self._dispatcher(client, ends.store)
        ending, place = Finalizer(ends, dispatcher), self._own_place(client)
        old = retention_of_worker(self._settings, ends, client)
        dead = DeadWorkers(client, ends.store, self._settings.home)
        housekeeping = Housekeeping(
            client=client, task_queue=task_queue, ends=ends, ending=ending, own_place=place, retention=old, dead=dead
        )
        lock = worker_lock(self._settings.home, worker_identity(ends.store.installation))
        with lock, Pulse(client) as pulse:
            live = self._live_graphs(client)
            activities = RunActivities(
                ends=ends,
                client=client,
                pulse=pulse,
                dispatcher=dispatcher,
                live=live,
                task_queue=task_queue,
                fire=firing_of(self._settings, ends, client),
            )
            queues = TaskQueues(
                client, self._settings, activities, ends.store.installation, self._note_end, self._interceptors
            )
            of_graphs = GraphQueues(queues, ends.graphs)
            common, trims = self._routing.common, self._settings.worker.trim_memory
            announcement = Announcement(ends, live.task_queue, task_queue, self._routing.own, common=common)

            async def announce() -> None:
                of_graphs.look()
                await announcement.say()

            # They end from the last to the first: who is announced no more gets no new runs, and what ends a run (the
            # short activities, the dispatcher) outlives the graphs that come to their end here.
            async with (
                dispatcher.running(),
                housekeeping.running() if common else nullcontext(),
                queues.polling(*([queues.short()] if common else [])),
                live.open(self._stopping),
                queues.own(live, self._stopping),
                of_graphs.polling(),
                announcement.running(self._stopping),
                trimmed_when_idle(lambda: pulse.begun, lambda: pulse.busy) if trims else nullcontext(),
                reloader.running(ends.graphs, live, announce) if reloader else nullcontext(),
            ):
                polled = [host(activities) if host else queues.common()] if common else []
                yield queues.polling(*polled, *map(queues.of_queue, self._routing.own))

    def _own_place(self, client: Client) -> Callable[[], str | None]:
        return partial(place_of_own_server, self._settings, client.service_client.config.target_host)

    async def _check_temporal(self, client: Client, store: Store) -> None:
        """Raises `ConfigError` where another installation is served."""
        if (place := self._own_place(client)()) is not None:
            await store.meet_temporal(await namespace_id(client), place)
        await check_alone(client, self._settings.temporal.task_queue, store.installation)
        for queue in self._routing.own:
            await check_alone(client, queue, store.installation, of=ACTIVITIES)

    def _project(self) -> LangGraphJson | None:
        """The file that the settings name. It need not be there where a program gives its graphs itself."""
        file = self._settings.graphs
        return None if self._graphs is not None and not file.exists() else read_langgraph_json(file)

    async def _load(self, project: LangGraphJson | None) -> tuple[GraphRegistry, Reloader | None]:
        settings, part, given = self._settings, self._routing.part_of, self._graphs
        reloader = None if self._on_reload is None else Reloader(settings.graphs, self._on_reload, part)
        graphs = await load_graphs(part(project or read_langgraph_json(settings.graphs)) if given is None else given)
        if reloader is not None and project is not None:
            reloader.loaded(project)
        # After the graphs: what lies beside them can be imported then.
        ALLOWED.add_settings(settings.checkpointer.allowed_types)
        return graphs, reloader

    def _warn(self, graphs: GraphRegistry, project: LangGraphJson | None) -> None:
        if self._graphs is None and project is not None:
            for warning in project_warnings(project):
                logger.warning(warning)
        for warning in takeover_warnings(graphs):
            logger.info(warning)

    def _live_graphs(self, client: Client) -> LiveGraphs:
        worker, own = self._settings.worker, own_task_queue(self._settings.temporal.task_queue, uuid.uuid4().hex)
        return LiveGraphs(
            own,
            most_held=worker.max_held_graphs,
            hold_for=worker.hold_graphs_for,
            memory=MemoryBound(worker.max_held_memory and worker.max_held_memory * 1_000_000),
            tell=LetGo(client, own),
        )

    def _dispatcher(self, client: Client, store: Store) -> Dispatcher:
        webhook = Webhook(store, self._settings.webhooks)
        hand_over = NotifyWorkflows(client, self._settings.temporal.task_queue, store.installation)
        return Dispatcher(store.lifecycle, self._observers, webhook.recipient, hand_over)


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    return None if task.cancelled() else task.exception()
