"""What a graph raises to end the process, or what is no `Exception` otherwise, ends its run: once, and nothing else."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import graphs.exits as exits
import pytest
from support.servers import until
from support.workers import WorkerProcess

import perdure
from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, WaitResult
from perdure.contracts.settings import RunSettings, TemporalSettings

GRAPHS = {name: f"exits.py:{name}" for name in [*exits.PLACES, "other"]}
TYPES = {
    "SystemExit": "SystemExit",
    "KeyboardInterrupt": "KeyboardInterrupt",
    "GeneratorExit": "GeneratorExit",
    "Panic": "Panic",
    "Failed": "Failed",
}


@dataclass
class House:
    """One worker process for all cases, which has to live through them."""

    worker: WorkerProcess
    runs: RunsFacade

    async def run(self, graph: str, what: str) -> WaitResult:
        spec = RunSpec(
            assistant_id=graph,
            scope=RunScope(thread_id=str(uuid.uuid4())),
            input={"what": what},
            runnable_config={"configurable": {"what": what}},
        )
        record = await self.runs.create_background(spec)
        result = await asyncio.wait_for(self.runs.join_wait(record.run_id), 20)
        found = await self.runs.get_run(record.run_id)
        assert found is not None
        assert found.attempt == 1
        return result


@pytest.fixture(scope="module")
async def house(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    home: Path = tmp_path_factory.mktemp("exits")
    queue = TemporalSettings(address=temporal, task_queue=f"test-{uuid.uuid4()}")
    settings = Settings(home=home, temporal=queue, runs=RunSettings(heartbeat_timeout=5.0))
    worker = WorkerProcess(settings, GRAPHS)
    try:
        async with perdure.connect(settings=settings) as runs:
            await until(lambda: "serving" in worker.log.read_text() or worker.ended)
            yield House(worker, runs)
    finally:
        worker.kill()


async def test_other_runs_go_on(house: House) -> None:
    other = asyncio.create_task(house.run("other", ""))
    for what in ("SystemExit", "KeyboardInterrupt", "Panic"):
        await house.run("in_an_async_node", what)
    assert (await other).status is RunStatus.SUCCESS
    assert not house.worker.ended


@pytest.mark.parametrize("place", exits.PLACES)
async def test_the_run_ends_as_an_error_of_that_type_once(house: House, place: str) -> None:
    results = await asyncio.gather(*(house.run(place, what) for what in TYPES))
    found = {what: (result.status, _type(result)) for what, result in zip(TYPES, results, strict=True)}
    assert found == {what: (RunStatus.ERROR, kind) for what, kind in TYPES.items()}
    assert not house.worker.ended


def _type(result: WaitResult) -> str:
    return result.error.type.rpartition(".")[2] if result.error else ""
