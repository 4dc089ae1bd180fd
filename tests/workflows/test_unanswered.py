"""What a caller is told when nobody answers a workflow's update: in time, and where somebody would have to.

Temporal ends a poll for an answer after 20 s, and the SDK polls again, for ever. Here it ends it after half a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.graphs import asking, count_to, counting
from support.servers import local_settings, started, until

import perdure
from perdure import NoWorkerError, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.workers import WorkerRecord
from perdure.store import open_store

LIMIT = 2.0
GRAPHS = {"counting": counting(), "asking": asking("well?")}
ASK = RunSpec(run_id="asks", assistant_id="asking", scope=RunScope(thread_id="asking"), input={"log": []})
COUNT = RunSpec(assistant_id="counting", scope=RunScope(thread_id="counting"), input=count_to(1))

CALLS: dict[str, Callable[[RunsFacade], Awaitable[object]]] = {
    "submit": lambda runs: runs.create_background(COUNT),
    "update state": lambda runs: runs.update_state("counting", {"log": ["more"]}),
    "delete thread": lambda runs: runs.delete_thread("counting"),
    "resume": lambda runs: runs.resume("asks", "so"),
}

ADVICE = {
    "submit": "it is safe to submit again with the same run_id",
    "update state": "the state may be changed when one starts: read it before you change it again",
    "delete thread": "it is safe to delete again",
    "resume": "the answer was not sent: the run asks still",
}


async def test_it_is_told_in_time(needs_server: None, tmp_path: Path) -> None:
    dynamic = {"history.longPollExpirationInterval": "500ms"}
    settings = local_settings(tmp_path, dynamic_config=dynamic)
    temporal = settings.temporal.model_copy(update={"submit_timeout": LIMIT})
    settings = settings.model_copy(update={"temporal": temporal})
    async with started(settings), perdure.connect(settings=settings) as runs:
        async with Worker(graphs=GRAPHS, settings=settings):
            await runs.create_and_wait(ASK)
            await runs.create_and_wait(COUNT)
        async with asyncio.timeout(4 * LIMIT):
            told = await asyncio.gather(*(call(runs) for call in CALLS.values()), return_exceptions=True)
        assert {name: type(error) for name, error in zip(CALLS, told, strict=True)} == dict.fromkeys(
            CALLS, NoWorkerError
        )
        assert {str(error).partition(" (")[0] for error in told} == {"no worker polls the task queue 'perdure'"}
        assert {name: str(error).rpartition("; ")[2] for name, error in zip(CALLS, told, strict=True)} == ADVICE
        await _announce(settings)
        with pytest.raises(NoWorkerError, match="the answer may be taken when one starts"):  # it was sent
            await runs.resume("asks", "so")
        assert await runs.cancel("asks")  # left as a signal
        await _another_project_hears_where_the_thread_is(settings, tmp_path / "second")
        async with Worker(graphs=GRAPHS, settings=settings):
            await until(lambda: _ended(runs))


async def _announce(settings: Settings) -> None:
    """A worker that has died a moment ago."""
    now, queue = datetime.now(UTC), settings.temporal.task_queue
    store = open_store(settings.store_url)
    await store.start()
    await store.workers.announce(WorkerRecord(worker_id="w", task_queue=queue, name="w", started_at=now, seen_at=now))
    await store.close()


async def _ended(runs: RunsFacade) -> bool:
    record = await runs.get_run("asks")
    return record is not None and record.status is RunStatus.INTERRUPTED


async def _another_project_hears_where_the_thread_is(settings: Settings, home: Path) -> None:
    temporal = settings.temporal.model_copy(update={"task_queue": "second"})
    second = settings.model_copy(update={"home": home, "temporal": temporal})
    async with Worker(graphs=GRAPHS, settings=second), perdure.connect(settings=second) as runs:
        with pytest.raises(NoWorkerError, match="'thread-counting' is one of the task queue 'perdure', where nobody"):
            async with asyncio.timeout(4 * LIMIT):
                await runs.create_background(COUNT)
