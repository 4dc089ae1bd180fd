"""Perdure as in use: a server, workers and this client, each a process of its own."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from temporalio.client import Client

import perdure
from perdure import RunRecord, RunScope, RunsFacade, RunSpec, RunStatus, Settings, StreamEvent
from perdure.contracts.settings import RunSettings, ServerSettings
from perdure.runtime.dev_server import DevServer

from .figures import OURS
from .processes import Child, free_port, script, spawn
from .systems import Moments, Stopwatch


def _as_they_are(settings: Settings) -> Settings:
    return settings


_GRAPHS = Path(__file__).with_name("langgraph.json")
RECURSION_LIMIT = 100_000


class Ours:
    """A running installation. Made by `installed`."""

    name = OURS
    streams = True

    def __init__(self, settings: Settings, runs: RunsFacade, temporal: Client, server_pid: int) -> None:
        self.settings = settings
        self.runs = runs
        self.temporal = temporal
        self.workers: list[Child] = []
        self._server_pid = server_pid

    @property
    def address(self) -> str:
        """Of its Temporal server."""
        return f"127.0.0.1:{self.settings.server.port}"

    @property
    def pids(self) -> Mapping[str, int]:
        return {"server": self._server_pid, "worker": self.workers[0].pid, "client": os.getpid()}

    async def add_worker(self, task_queue: str | None = None) -> Child:
        """`perdure worker`, started and not waited for."""
        home = self.settings.home
        config = home / "bench.yaml"
        config.write_text(self.settings.model_dump_json(), "utf-8")
        variables = {"PERDURE_TEMPORAL__TASK_QUEUE": task_queue or self.settings.temporal.task_queue}
        log = home / f"worker-{len(self.workers)}.log"
        worker = await spawn([script("perdure"), "worker", "--config", config], log, variables=variables)
        self.workers.append(worker)
        return worker

    async def follow(self, steps: int, delay: float = 0.0) -> Moments:
        return await follow(self.runs, count(steps, delay))

    async def stop_workers(self) -> None:
        for worker in self.workers:
            await worker.kill()


@asynccontextmanager
async def installed(
    home: Path, *, heartbeat: float = 10.0, workers: int = 1, kept: Callable[[Settings], Settings] = _as_they_are
) -> AsyncGenerator[Ours]:
    """An installation with workers, one of which has done its first run. `heartbeat`: seconds of the heartbeat timeout.
    `kept`: has the settings keep everything elsewhere than in files."""
    settings = Settings(
        home=home,
        graphs=_GRAPHS,
        server=ServerSettings(port=free_port(), ui=False),
        runs=RunSettings(heartbeat_timeout=heartbeat),
    )
    settings = kept(settings)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(DevServer(settings))
        runs = await stack.enter_async_context(perdure.connect(settings=settings))
        ours = Ours(settings, runs, await server.connect(), server.pid or 0)
        stack.push_async_callback(ours.stop_workers)
        for _ in range(workers):
            await (await ours.add_worker()).said("serving")
        await ours.follow(1)
        yield ours


def spec(assistant_id: str, given: object, thread_id: str | None = None, **options: Any) -> RunSpec:
    """A run with this input, on a new thread unless one is named."""
    scope = RunScope(thread_id=thread_id or str(uuid.uuid4()))
    return RunSpec(assistant_id=assistant_id, scope=scope, input=given, **options)


def count(steps: int, delay: float = 0.0, thread_id: str | None = None) -> RunSpec:
    """A run of the counting graph."""
    limit = {"recursion_limit": RECURSION_LIMIT}
    return spec("count", {"total": 0, "steps": steps, "delay": delay}, thread_id, runnable_config=limit)


async def follow(runs: RunsFacade, wanted: RunSpec) -> Moments:
    """From the submission to the terminal event. Raises `RuntimeError` when the run does not succeed."""
    watch = Stopwatch()
    record, stream = await runs.create_and_stream(wanted)
    last = ""
    async for event in stream:
        watch.tick()
        last = event.event
    if last != "end":
        raise RuntimeError(f"run {record.run_id} ended with {last!r}")
    return watch.moments


async def until_step(stream: AsyncIterator[StreamEvent]) -> None:
    """Read until a superstep of the counting graph is done."""
    async for event in stream:
        if event.event == "values" and event.data["total"]:
            return


async def succeeded(runs: RunsFacade, record: RunRecord) -> None:
    """Wait for a run's end. Raises `RuntimeError` unless it succeeds."""
    result = await runs.join_wait(record.run_id)
    if result.status is not RunStatus.SUCCESS:
        raise RuntimeError(f"run {record.run_id} is {result.status}: {result.error}")
