"""Two projects, each with stores of its own, on one Temporal: neither touches the other's runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from support.graphs import asking, count_to, counting

import perdure
from perdure import ConfigError, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.errors import NoWorkerError, OtherInstallationError
from perdure.store import SqlStore


def _stateless(**fields: object) -> RunSpec:
    return RunSpec.model_validate({"assistant_id": "counting", "scope": RunScope(kind="stateless"), **fields})


@pytest.fixture
def second(settings: Settings, tmp_path: Path, kept: Callable[[Settings], Settings]) -> Settings:
    """Another home, and another database, on the same task queue."""
    return kept(settings.model_copy(update={"home": tmp_path / "second"}))


async def test_a_second_project_does_not_start_on_a_task_queue_in_use(
    runs: RunsFacade, worker: Worker, second: Settings
) -> None:
    with pytest.raises(ConfigError, match=r"is served by workers of another installation: process \d+@.*task_queue"):
        await Worker(graphs={"counting": counting()}, settings=second).run()
    _, result = await runs.create_and_wait(_stateless(input=count_to(1)))
    assert result.status is RunStatus.SUCCESS


async def test_a_client_of_a_second_project_is_told_whose_the_workers_are(worker: Worker, second: Settings) -> None:
    impatient = second.model_copy(update={"temporal": second.temporal.model_copy(update={"submit_timeout": 0.3})})
    async with perdure.connect(settings=impatient) as theirs:
        with pytest.raises(NoWorkerError, match="is served by another installation only"):
            await theirs.create_background(_stateless())
        assert await theirs.list_runs() == []


async def test_a_worker_of_another_installation_leaves_runs_alone(
    runs: RunsFacade,
    worker: Worker,
    second: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def unchecked(*_: object) -> None:
        return None

    monkeypatch.setattr("perdure.runtime.worker.check_alone", unchecked)
    caplog.set_level(logging.ERROR)
    scope = RunScope(thread_id=f"thread-{second.temporal.task_queue}")
    async with Worker(graphs={"counting": counting(), "asking": asking("theirs?")}, settings=second):
        specs = [_stateless(input=count_to(2)) for _ in range(4)]
        done = await asyncio.gather(*(runs.create_and_wait(spec) for spec in specs))
        asked, _ = await runs.create_and_wait(RunSpec(assistant_id="asking", scope=scope, input={"log": []}))
        assert await runs.cancel(asked.run_id)
        assert (await runs.join_wait(asked.run_id)).status is RunStatus.INTERRUPTED
    assert [(result.status, result.values["log"]) for _, result in done] == [(RunStatus.SUCCESS, [0, 1])] * 4
    told = [record.message for record in caplog.records if "of another installation" in record.message]
    assert len([text for text in told if text.startswith("the task is")]) <= 1


async def test_a_thread_of_another_installation_is_refused(
    awake: None, runs: RunsFacade, worker: Worker, second: Settings, spec: Callable[..., RunSpec]
) -> None:
    await runs.create_and_wait(spec("counting", input=count_to(1)))
    queue = f"{second.temporal.task_queue}-second"
    second = second.model_copy(update={"temporal": second.temporal.model_copy(update={"task_queue": queue})})
    async with Worker(graphs={"counting": counting()}, settings=second), perdure.connect(settings=second) as theirs:
        with pytest.raises(OtherInstallationError, match="in use by another installation"):
            await theirs.create_background(spec("counting", input=count_to(1)))
        with pytest.raises(OtherInstallationError):
            await theirs.delete_thread(spec("counting").scope.thread_id or "")
        assert await theirs.list_runs() == []
        _, result = await theirs.create_and_wait(spec("counting", thread="another", input=count_to(1)))
        assert result.status is RunStatus.SUCCESS
    assert len(await runs.list_runs()) == 1


async def test_a_run_says_to_which_temporal_it_was_submitted(
    runs: RunsFacade, worker: Worker, settings: Settings
) -> None:
    record = await runs.create_background(_stateless(input=count_to(1)))
    store = SqlStore(settings.store_url)
    await store.start()
    stored = await store.get(record.run_id)
    await store.close()
    assert stored is not None
    assert stored.temporal is not None
