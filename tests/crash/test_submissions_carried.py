"""A thread that continues as new after every update: what was submitted, cancelled or deleted is carried over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.overlap import Overlap, in_full
from support.servers import until
from temporalio.client import WorkflowExecutionStatus

from perdure import RunNotFoundError, RunRecord, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.wire import thread_workflow_id
from perdure.runtime.connection import connect_temporal
from perdure.workflows import thread_workflow


@pytest.fixture
async def overlap(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Overlap]:
    monkeypatch.setattr(thread_workflow, "_MAX_SUBMISSIONS", 1)
    overlap = Overlap()
    async with Worker(graphs={"overlap": overlap.graph()}, settings=settings):
        yield overlap


def _spec(settings: Settings, *, held: bool = False, **fields: Any) -> RunSpec:
    scope = RunScope(thread_id=settings.temporal.task_queue)
    config = {"configurable": {"cleanup": 60.0 if held else 0.0}}
    return RunSpec.model_validate(
        {"assistant_id": "overlap", "scope": scope, "input": {"log": []}, "runnable_config": config, **fields}
    )


async def _executing(runs: RunsFacade, overlap: Overlap, settings: Settings) -> RunRecord:
    """A run that stays in its graph until it is let go, or cancelled."""
    record = await runs.create_background(_spec(settings, held=True))
    await until(lambda: overlap.leaving(record.thread_id))
    return record


async def _record(runs: RunsFacade, run_id: str) -> RunRecord:
    record = await runs.get_run(run_id)
    assert record is not None
    return record


async def _executions(settings: Settings) -> int:
    """How often the thread has continued as new."""
    client, found = await connect_temporal(settings), 0
    handle = client.get_workflow_handle(thread_workflow_id(settings.temporal.task_queue))
    while handle is not None:
        description = await handle.describe()
        started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
        # The newest has ended, if it has lingered long enough since its last run.
        newest = {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED}
        assert description.status in ({WorkflowExecutionStatus.CONTINUED_AS_NEW} if found else newest)
        before = started.continued_execution_run_id
        handle = client.get_workflow_handle(handle.id, run_id=before) if before else None
        found += 1
    return found


async def test_the_run_that_executes_and_those_in_line(runs: RunsFacade, overlap: Overlap, settings: Settings) -> None:
    first = await _executing(runs, overlap, settings)
    queued = [await runs.create_background(_spec(settings)) for _ in range(3)]
    ids = [record.run_id for record in (first, *queued)]
    overlap.let_go.set()
    result = await runs.join_wait(ids[-1])
    assert result.values["log"] == in_full(*ids)
    assert [record.sequence for record in (first, *queued)] == [1, 2, 3, 4]
    assert overlap.violations(first.thread_id) == []
    assert await _executions(settings) >= 4


async def test_a_queued_run_that_is_cancelled(runs: RunsFacade, overlap: Overlap, settings: Settings) -> None:
    first = await _executing(runs, overlap, settings)
    cancelled, last = [await runs.create_background(_spec(settings)) for _ in range(2)]
    assert await runs.cancel(cancelled.run_id)
    assert (await runs.join_wait(cancelled.run_id)).status is RunStatus.INTERRUPTED
    overlap.let_go.set()
    assert (await runs.join_wait(last.run_id)).values["log"] == in_full(first.run_id, last.run_id)
    assert (await _record(runs, cancelled.run_id)).started_at is None


async def test_a_newcomer_that_ends_the_others(runs: RunsFacade, overlap: Overlap, settings: Settings) -> None:
    first = await _executing(runs, overlap, settings)
    queued = [await runs.create_background(_spec(settings)) for _ in range(3)]
    newcomer, result = await runs.create_and_wait(_spec(settings, multitask_strategy="rollback"))
    ended = [await _record(runs, record.run_id) for record in (first, *queued)]
    assert {record.status for record in ended} == {RunStatus.ROLLED_BACK}
    assert result.values["log"] == in_full(newcomer.run_id)
    assert overlap.order(first.thread_id) == [first.run_id, newcomer.run_id]
    assert overlap.violations(first.thread_id) == []


async def test_a_deletion(runs: RunsFacade, overlap: Overlap, settings: Settings) -> None:
    first = await _executing(runs, overlap, settings)
    queued = [await runs.create_background(_spec(settings)) for _ in range(3)]
    deleted, later = await asyncio.gather(runs.delete_thread(first.thread_id), runs.create_background(_spec(settings)))
    assert deleted
    for record in (first, *queued):
        with pytest.raises(RunNotFoundError):
            await runs.join_wait(record.run_id)
    last, result = await runs.create_and_wait(_spec(settings))
    came_before = await runs.get_run(later.run_id) is None
    assert result.values["log"] == in_full(*([] if came_before else [later.run_id]), last.run_id)
    assert overlap.violations(first.thread_id) == []


async def test_many_at_once(runs: RunsFacade, overlap: Overlap, settings: Settings) -> None:
    records = await asyncio.gather(*(runs.create_background(_spec(settings)) for _ in range(10)))
    in_order = sorted(records, key=lambda record: record.sequence or 0)
    assert [record.sequence for record in in_order] == list(range(1, 11))
    ids = [record.run_id for record in in_order]
    assert (await runs.join_wait(ids[-1])).values["log"] == in_full(*ids)
    assert overlap.order(records[0].thread_id) == ids
    assert overlap.violations(records[0].thread_id) == []
