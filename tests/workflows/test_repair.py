"""Runs whose workflow was ended from outside, and that no thread sees to: a worker finds them and ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.graphs import count_to, counting
from support.rows import connected
from support.servers import local_settings, started, until
from support.streams import under_way

import perdure
from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, StreamEvent, Worker
from perdure.runtime.housekeeping import Pace

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.runtime.housekeeping.PACE", Pace(0.1, 0.1, 0.1, 0.05))


def _stateless(steps: int, delay: float) -> RunSpec:
    return RunSpec(
        assistant_id="counting", scope=RunScope(kind="stateless"), input=count_to(steps, delay), on_completion="keep"
    )


async def _assert_repaired(runs: RunsFacade, run_id: str, events: list[StreamEvent]) -> None:
    assert [event.event for event in events if event.event in ("end", "error", "cancel")] == ["error"]
    result = await runs.join_wait(run_id)
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert result.error.message.startswith("the run was ended from outside: ")
    assert result.values["log"], "what the run had done is kept"
    assert not await runs.cancel(run_id)


async def test_a_stateless_run_that_was_terminated(runs: RunsFacade, worker: Worker, cli: Cli) -> None:
    run_id, reading = await under_way(runs, _stateless(1000, 0.05))
    waiting = asyncio.create_task(runs.join_wait(run_id))
    await cli("terminate", "--workflow-id", f"run-{run_id}", "--reason", "too expensive")
    events = await reading
    assert "too expensive" in events[-1].data["error"]["message"]
    assert (await waiting).status is RunStatus.ERROR
    await _assert_repaired(runs, run_id, events)
    assert [event.id for event in events] == [event.id async for event in await runs.join_stream(run_id)]
    assert await runs.delete_run(run_id)
    assert await runs.get_run(run_id) is None


async def test_a_run_whose_thread_was_terminated_too(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    run_id, reading = await under_way(runs, spec("counting", input=count_to(1000, 0.05)))
    record = await runs.get_run(run_id)
    assert record is not None
    await cli("terminate", "--workflow-id", f"thread-{record.thread_id}")
    await cli("terminate", "--workflow-id", f"run-{run_id}")
    await _assert_repaired(runs, run_id, await reading)


async def test_a_run_that_is_deleted_right_after_it_was_terminated(runs: RunsFacade, worker: Worker, cli: Cli) -> None:
    run_id, reading = await under_way(runs, _stateless(1000, 0.05))
    await cli("terminate", "--workflow-id", f"run-{run_id}")
    assert await runs.delete_run(run_id)
    await asyncio.wait({reading})
    assert await runs.get_run(run_id) is None


async def test_a_run_that_was_terminated_while_no_worker_was_there(
    runs: RunsFacade, settings: Settings, cli: Cli
) -> None:
    async with Worker(graphs={"counting": counting()}, settings=settings):
        run_id, reading = await under_way(runs, _stateless(1000, 0.05))
    await cli("terminate", "--workflow-id", f"run-{run_id}")
    async with Worker(graphs={"counting": counting()}, settings=settings):
        await _assert_repaired(runs, run_id, await reading)


async def test_a_run_that_was_reset_goes_on(runs: RunsFacade, worker: Worker, cli: Cli) -> None:
    run_id, reading = await under_way(runs, _stateless(40, 0.05))
    await cli(
        *("reset", "--workflow-id", f"run-{run_id}", "--type", "FirstWorkflowTask", "--reason", "try again"),
        *("--reapply-type", "None"),
    )

    async def listed() -> bool:
        query = f'WorkflowId = "run-{run_id}" AND ExecutionStatus = "Terminated"'
        return f"run-{run_id}" in await cli("list", "--query", query)

    await until(listed)
    events = await reading
    assert events[-1].event == "end"
    assert (await runs.join_wait(run_id)).values["log"] == list(range(40))


@pytest.mark.elsewhere
async def test_a_record_that_has_lost_its_end_takes_it_from_temporal(
    runs: RunsFacade, worker: Worker, settings: Settings
) -> None:
    record, result = await runs.create_and_wait(_stateless(3, 0))
    with connected(settings.store_url) as connection:  # as a power cut does
        connection.execute("UPDATE runs SET status = 'running', ended_at = NULL, steps = 0, fence = 0")
        connection.execute("DELETE FROM run_values")

    async def repaired() -> bool:
        found = await runs.get_run(record.run_id)
        return found is not None and (found.status, found.steps) == (RunStatus.SUCCESS, 3)

    await until(repaired)
    assert await runs.join_wait(record.run_id) == result


async def test_a_run_that_was_deleted_in_temporal(runs: RunsFacade, worker: Worker, cli: Cli) -> None:
    run_id, reading = await under_way(runs, _stateless(1000, 0.05))
    await cli("delete", "--yes", "--workflow-id", f"run-{run_id}")
    await _assert_repaired(runs, run_id, await reading)


@pytest.mark.usefixtures("needs_server")
async def test_runs_of_a_temporal_that_has_lost_its_database(tmp_path: Path) -> None:
    settings = local_settings(tmp_path, db_filename=None)
    thread = RunScope(thread_id="thread")
    async with perdure.connect(settings=settings) as runs, AsyncExitStack() as serving:
        async with started(settings):
            await serving.enter_async_context(Worker(graphs={"counting": counting()}, settings=settings))
            spec = RunSpec(assistant_id="counting", scope=thread, input=count_to(1000, 0.05))
            run_id, reading = await under_way(runs, spec)
            queued = await runs.create_background(spec)
        async with started(settings):
            await _assert_repaired(runs, run_id, await reading)
            assert (await runs.join_wait(queued.run_id)).status is RunStatus.ERROR
            _, result = await runs.create_and_wait(RunSpec(assistant_id="counting", scope=thread, input=count_to(1)))
            assert result.status is RunStatus.SUCCESS
            await serving.aclose()
