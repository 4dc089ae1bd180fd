"""A worker that stops serving by itself says so, whoever runs it; and `doctor` tells a dead one from a live one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.graphs import counting
from support.servers import until
from support.workers import WorkerProcess
from temporalio.worker import Worker as TemporalWorker

from perdure import Settings, Worker
from perdure.contracts.errors import WorkerStoppedError
from perdure.runtime.connection import connect_temporal
from perdure.runtime.doctor import check_workers
from perdure.runtime.pollers import workers_polling
from perdure.runtime.probe import ANSWER_LIMIT, worker_answers

GRAPHS = {"gate": "gate.py:graph"}


def _kind(task_queue: str, common: str) -> str:
    return {common: "common", f"{common}-short": "short"}.get(task_queue, "own")


@pytest.fixture(params=["common", "short", "own", "common own", "own short", "common short own"])
def fatal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[[], None]:
    """Called, it makes the SDK's worker of one queue end as when Temporal refuses its polls for good."""
    refused = asyncio.Event()
    serve = TemporalWorker.run

    async def run(self: TemporalWorker) -> None:
        serving = asyncio.create_task(serve(self))
        refusing = asyncio.create_task(refused.wait())
        await asyncio.wait({serving, refusing}, return_when=asyncio.FIRST_COMPLETED)
        refusing.cancel()
        if refused.is_set() and _kind(self.task_queue, settings.temporal.task_queue) in request.param.split():
            await self.shutdown()
            await serving
            raise RuntimeError("Poll failure: the namespace is gone")
        await serving

    monkeypatch.setattr(TemporalWorker, "run", run)
    return refused.set


async def test_run_raises(settings: Settings, fatal: Callable[[], None]) -> None:
    worker = Worker(graphs={"counting": counting()}, settings=settings)
    with pytest.raises(WorkerStoppedError, match=r"has stopped serving .*Poll failure"):
        async with asyncio.timeout(20):
            await worker.run(once_loaded=fatal)
    task: asyncio.Task[Any] | None = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_the_block_is_cancelled_and_its_end_raises(settings: Settings, fatal: Callable[[], None]) -> None:
    reached: list[str] = []

    async def serve() -> None:
        async with Worker(graphs={"counting": counting()}, settings=settings):
            fatal()
            await asyncio.Event().wait()
            reached.append("the end of the block")

    with pytest.raises(WorkerStoppedError, match=r"has stopped serving .*Poll failure"):
        async with asyncio.timeout(20):
            await serve()
    assert reached == []
    task: asyncio.Task[Any] | None = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_the_doctor_tells_a_dead_worker_from_a_live_one(settings: Settings) -> None:
    client = await connect_temporal(settings)
    worker = WorkerProcess(settings, GRAPHS)
    queue = settings.temporal.task_queue
    try:
        await until(lambda: "serving" in worker.log.read_text())
        assert await worker_answers(client, queue)
        assert (await check_workers(client, settings)).level != "fail"
        worker.kill()
        assert await workers_polling(client, queue)  # Temporal still lists it
        began = time.monotonic()
        check = await check_workers(client, settings)
        assert (check.level, check.service) == ("fail", True)
        assert "none answers" in check.detail
        assert time.monotonic() - began < ANSWER_LIMIT + 3
        worker.start()
        await until(lambda: worker.log.read_text().count("serving") == 2)
        await until(lambda: worker_answers(client, queue))
    finally:
        worker.kill()
