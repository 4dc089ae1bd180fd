"""Server and worker are killed while runs wait: they wait on, and go on when all is up again."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support.servers import local_settings, started, temporal_command
from support.workers import WorkerProcess

import perdure
from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.settings import RunSettings

from .asked import answered_by_name, asked, check, ids

ASKS = {"asks": "asks.py:graph"}


@pytest.mark.usefixtures("needs_server")
async def test_runs_that_wait(tmp_path: Path) -> None:
    settings = local_settings(tmp_path / "home").model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0)})
    async with started(settings) as server, perdure.connect(settings=settings) as runs:
        worker = WorkerProcess(settings, ASKS)
        waiting = [await asked(runs, _spec(tmp_path, name), "left?", "right?") for name in ("one", "two")]
        partly = await answered_by_name(runs, waiting[1], {"right?": 1})
        check(partly, "left?")
        delayed = _spec(tmp_path, "delayed").model_copy(update={"after_seconds": 2.0})
        delayed_id = (await runs.create_background(delayed)).run_id
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        worker.kill()

    graphs = settings.model_copy(update={"graphs": settings.home / "langgraph.json"})
    async with started(settings), perdure.connect(settings=settings) as runs, Worker(settings=graphs):
        check(await runs.join_wait(waiting[0].run_id), "left?", "right?")
        result = await answered_by_name(runs, waiting[0], {"left?": "L", "right?": "R"})
        assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, ["before", "right=R", "left=L", "after"])
        assert _effects(tmp_path, "one") == ["after", "before", "left", "right"]
        await _signal(settings, partly.run_id, f'{{"value": {{"{ids(partly)["left?"]}": 2}}}}')
        assert await _end(runs, partly.run_id) == (RunStatus.SUCCESS, ["before", "right=1", "left=2", "after"])
        assert _effects(tmp_path, "two") == ["after", "before", "left", "right"]
        check(await runs.join_wait(delayed_id), "left?", "right?")
        record = await runs.get_run(delayed_id)
    assert record is not None
    assert record.started_at is not None
    assert (record.started_at - record.created_at).total_seconds() >= 2


def _spec(folder: Path, name: str) -> RunSpec:
    given: dict[str, Any] = {"log": [], "effects": str(folder / name)}
    return RunSpec(assistant_id="asks", scope=RunScope(thread_id=name), input=given)


def _effects(folder: Path, name: str) -> list[str]:
    return sorted((folder / name).read_text().splitlines())


async def _signal(settings: Settings, run_id: str, payload: str) -> None:
    address = f"127.0.0.1:{settings.server.port}"
    where = ("--workflow-id", f"run-{run_id}", "--name", "resume", "--input", payload)
    await temporal_command(address, "signal", *where)


async def _end(runs: RunsFacade, run_id: str) -> tuple[RunStatus, list[Any]]:
    async for _ in await runs.join_stream(run_id):
        pass
    result = await runs.join_wait(run_id)
    return result.status, result.values["log"]
