"""A worker frozen for longer than its heartbeat timeout, while another one finishes its run: then it wakes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from support.freezing import freeze
from support.proxy import Proxy
from support.rows import run_rows
from support.servers import until
from support.workers import WorkerProcess

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings

GRAPHS = {"gate": "gate.py:graph", "wild": "wild.py:make"}
NOTICED = 2.0
"""Seconds after its wake in which a worker must have seen that its run was taken over."""


@pytest.fixture
async def proxy(temporal: str) -> AsyncIterator[Proxy]:
    """The frozen worker's way to Temporal. Cut, the server hands it no more work, as it does for a frozen machine
    after some time."""
    async with Proxy(temporal) as proxy:
        yield proxy


@pytest.fixture
async def frozen(settings: Settings, proxy: Proxy) -> AsyncIterator[WorkerProcess]:
    """A worker that serves, and will be frozen."""
    worker = WorkerProcess(settings, GRAPHS, {"PERDURE_TEMPORAL__ADDRESS": proxy.address})
    yield worker
    worker.kill()


@pytest.fixture
def another(settings: Settings) -> Iterator[Callable[[], WorkerProcess]]:
    """Starts a second worker: only once the first one has the run, or it might be given it."""
    started: list[WorkerProcess] = []

    def start() -> WorkerProcess:
        started.append(WorkerProcess(settings, GRAPHS))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()


async def test_it_writes_nothing_when_it_wakes_and_soon_sees_why(
    runs: RunsFacade,
    settings: Settings,
    tmp_path: Path,
    proxy: Proxy,
    frozen: WorkerProcess,
    another: Callable[[], WorkerProcess],
) -> None:
    gate, effects = tmp_path / "gate", tmp_path / "effects"
    spec = RunSpec(
        assistant_id="gate",
        scope=RunScope(thread_id=f"t-{settings.temporal.task_queue}"),
        input={"log": []},
        stream_modes=("values", "updates", "custom", "tasks"),
        runnable_config={"configurable": {"gate": str(gate), "effects": str(effects)}},
    )
    record = await runs.create_background(spec)
    await until(lambda: effects.exists() and f"{frozen.pid} waits" in effects.read_text())
    other = another()
    await freeze(frozen, settings)
    proxy.cut()
    await until(lambda: f"{other.pid} waits" in effects.read_text())
    gate.touch()
    assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
    # The note goes behind the terminal event.
    await until(lambda: run_rows(settings, record.run_id, record.thread_id)["perdure_runs"][0][-1] is None)
    before = run_rows(settings, record.run_id, record.thread_id)
    assert {"events", "runs", "checkpoints"} <= before.keys()

    await proxy.mend()
    frozen.thaw()
    woken = time.monotonic()
    await until(lambda: "has failed (" in frozen.log.read_text())
    assert time.monotonic() - woken < NOTICED
    assert f"{frozen.pid} passes" in effects.read_text(), "it had nothing to write; the test shows nothing"
    other.kill()
    again = await runs.create_background(spec.model_copy(update={"scope": RunScope(kind="stateless")}))
    assert (await runs.join_wait(again.run_id)).status is RunStatus.SUCCESS, "the worker that woke is of no use"
    assert run_rows(settings, record.run_id, record.thread_id) == before
