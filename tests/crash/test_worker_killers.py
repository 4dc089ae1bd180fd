"""Runs that kill each worker that picks them up end as errors, and do no more harm."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.servers import until
from support.workers import WorkerProcess

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings
from perdure.contracts.settings import RunSettings

GRAPHS = {"root": "killers.py:root", "nested": "killers.py:nested", "slow": "quiet.py:graph"}
_NEVER = 1_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    limits = RunSettings(heartbeat_timeout=1.0, max_takeovers=1)
    worker = settings.worker.model_copy(update={"sticky_timeout": 0.3})
    return settings.model_copy(update={"runs": limits, "worker": worker})


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[WorkerProcess]:
    """Another one comes when it has died, as with any supervisor."""
    worker = WorkerProcess(settings, GRAPHS)

    async def keep() -> None:
        while True:
            if worker.ended:
                worker.start()
            await asyncio.sleep(0.05)

    keeping = asyncio.create_task(keep())
    yield worker
    keeping.cancel()
    worker.kill()


def _spec(graph: str, settings: Settings, **given: object) -> RunSpec:
    scope = RunScope(thread_id=f"t-{settings.temporal.task_queue}")
    return RunSpec(assistant_id=graph, scope=scope, input=given)


@pytest.mark.parametrize(
    ("graph", "how", "place"),
    [("root", "exit", "superstep 2 (deadly)"), ("nested", "segfault", "superstep 1 (sub › deadly)")],
)
async def test_a_run_that_kills_its_workers_ends(
    runs: RunsFacade, settings: Settings, worker: WorkerProcess, tmp_path: Path, graph: str, how: str, place: str
) -> None:
    record = await runs.create_background(_spec(graph, settings, deaths=str(tmp_path), how=how, times=_NEVER))
    result = await asyncio.wait_for(runs.join_wait(record.run_id), 40)
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert result.error.type == "WorkerLostError"
    assert result.error.message.startswith(f"2 workers in a row were lost over {place},")
    assert sorted(name for name in os.listdir(tmp_path) if name != "home") == ["1-0", "1-1"]
    following = await runs.create_background(_spec(graph, settings, deaths=str(tmp_path), how=how, times=0))
    assert (await asyncio.wait_for(runs.join_wait(following.run_id), 20)).status is RunStatus.SUCCESS


async def test_a_completed_superstep_begins_the_count_anew(
    runs: RunsFacade, settings: Settings, worker: WorkerProcess, tmp_path: Path
) -> None:
    record = await runs.create_background(_spec("nested", settings, deaths=str(tmp_path), how="exit", times=1))

    async def in_trouble() -> bool:
        found = await runs.get_run(record.run_id)
        return found is not None and found.trouble is not None and found.trouble.type == "WorkerLostError"

    await until(in_trouble)
    result = await asyncio.wait_for(runs.join_wait(record.run_id), 40)
    assert (result.status, result.values["done"]) == (RunStatus.SUCCESS, 4)
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert (found.trouble, found.attempt) == (None, 4)


async def test_a_slow_run_beside_it_is_not_to_blame(
    runs: RunsFacade, settings: Settings, worker: WorkerProcess, tmp_path: Path
) -> None:
    began = tmp_path / "began"
    slow = RunSpec(
        assistant_id="slow",
        scope=RunScope(kind="stateless"),
        input={"how": "waits", "seconds": 6.0, "effects": str(began), "log": []},
    )
    beside = await runs.create_background(slow)
    await until(began.exists)
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    record = await runs.create_background(_spec("root", settings, deaths=str(deaths), how="exit", times=_NEVER))
    result = await asyncio.wait_for(runs.join_wait(record.run_id), 60)
    assert result.error is not None
    assert result.error.type == "WorkerLostError"
    assert (await asyncio.wait_for(runs.join_wait(beside.run_id), 60)).status is RunStatus.SUCCESS
