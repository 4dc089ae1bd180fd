"""`environment`: a Temporal server, a worker and a facade for a test, and nothing of them left behind."""

from __future__ import annotations

import random
import socket
import tempfile
import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from ..activities import AnyObserver, GraphSource
from ..contracts.settings import ServerSettings, Settings
from ..contracts.wire import thread_workflow_id
from ..facade.runs import RunsFacade
from ..runtime.client import connect
from ..runtime.connection import connect as connect_temporal
from ..runtime.dev_server import DevServer
from ..runtime.target import Target
from ..runtime.worker import Worker

_NAMESPACE = "default"
_CHANCE = random.SystemRandom()
"""Not that of the program, which several processes may seed alike."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a test works with."""

    runs: RunsFacade
    settings: Settings
    """Of the worker and the facade: for `perdure.connect(settings=…)`, or one more `perdure.Worker`."""
    client: Client
    """Of Temporal: for what the facade does not show, as the history of a run's workflow."""


@asynccontextmanager
async def server(home: Path | None = None) -> AsyncGenerator[str]:
    """A Temporal server on a free port of this machine; its address. It starts in half a second.

    `home`: the folder of its files, instead of a temporary one. Raises `DevServerError`, with what to install.
    """
    async with AsyncExitStack() as stack:
        home = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="perdure-")))
        yield (await stack.enter_async_context(started(_server_settings(home)))).address


@asynccontextmanager
async def started(settings: Settings) -> AsyncGenerator[DevServer]:
    """The server of these settings. Nobody misses what it would still write at its end: a polite one takes a second."""
    development = DevServer(settings)
    await development.start()
    try:
        yield development
    finally:
        await development.stop(limit=0)


@asynccontextmanager
async def environment(
    graphs: Mapping[str, GraphSource] | None = None,
    *,
    address: str | None = None,
    home: Path | None = None,
    settings: Settings | None = None,
    observers: Iterable[AnyObserver] = (),
) -> AsyncGenerator[Environment]:
    """A worker that serves `graphs` on a task queue of its own, and a facade: `async with environment(…) as env: …`.

    `address`: of a server, else one is started for the block. `home`: the folder of the stores, else a temporary one.
    `settings`: whatever else a test wants to be set; their home, address and task queue are not used. `graphs`: names
    and graphs, else the file that the settings name. Two at the same time on one server need threads of different
    names: these belong to the server. What the shell says (`PERDURE_…`, `TEMPORAL_…`) is no part of a
    test. Raises as `Worker` and `connect`.
    """
    async with AsyncExitStack() as stack:
        home = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="perdure-")))
        address = address or await stack.enter_async_context(server(home))
        settings = _own(settings or Settings(), home, address)
        client = await connect_temporal(
            Target(address, settings.temporal.namespace), settings, timeout=settings.temporal.connect_timeout
        )
        runs = await stack.enter_async_context(connect(settings=settings, client=client))
        env = Environment(runs, settings, client)
        stack.push_async_callback(_end_workflows, env)
        worker = Worker(graphs=graphs, settings=settings, client=client, observers=observers)
        await stack.enter_async_context(worker)
        yield env


async def _end_workflows(env: Environment) -> None:
    """End what would wait for a worker for ever, and a thread for the next test that has one of the same name."""
    ids = {thread_workflow_id(thread_id) async for thread_id in _threads(env.runs)}
    # Temporal's list comes late, but it knows the runs, and threads that the test has deleted.
    query = f'TaskQueue = "{env.settings.temporal.task_queue}" AND ExecutionStatus = "Running"'
    ids |= {workflow.id async for workflow in env.client.list_workflows(query)}
    for workflow_id in ids:
        with suppress(RPCError):  # it has ended by itself
            await env.client.get_workflow_handle(workflow_id).terminate("its test is over")


async def _threads(runs: RunsFacade) -> AsyncGenerator[str]:
    page = await runs.list_threads(user_id=None)
    while page:
        for thread in page:
            yield thread.thread_id
        page = await runs.list_threads(user_id=None, before=page[-1].thread_id)


def _server_settings(home: Path) -> Settings:
    return Settings(home=home, server=ServerSettings(port=free_port(), ui=False, db_filename=None))


def _own(settings: Settings, home: Path, address: str) -> Settings:
    temporal = settings.temporal.model_copy(
        update={"address": address, "namespace": _NAMESPACE, "task_queue": f"test-{uuid.uuid4()}"}
    )
    return settings.model_copy(update={"home": home, "temporal": temporal})


def free_port() -> int:
    """A port of this machine on which nobody listens now.

    Not one of those that the system itself gives away, or a connection may have it before its server does.
    """
    while True:
        port = _CHANCE.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
