"""A run whose workflow has closed as Failed or Canceled, and whose record (after a power cut, say) has no end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.servers import until
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionAsyncIterator, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure import CancelAction, RunRecord, RunStatus
from perdure.contracts.search_attributes import RUN_STATUS
from perdure.contracts.wire import RUN_WORKFLOW, SEARCH_RUN_STATUS, RunOutcome, run_workflow_id
from perdure.contracts.wire_ending import failure_of
from perdure.runtime.housekeeping import Pace
from perdure.runtime.repair import Repair
from perdure.store import SqlStore

from .house import House


@workflow.defn(name=RUN_WORKFLOW)
class Closing:
    """Shows a status and closes as it is told: it fails with the outcome, or otherwise, or waits to be cancelled."""

    @workflow.run
    async def run(self, how: str, outcome: RunOutcome) -> None:
        workflow.upsert_search_attributes([RUN_STATUS.value_set(outcome.status)])
        if how == "fails":
            raise failure_of(outcome)
        if how == "breaks":
            raise ApplicationError("broken")
        await asyncio.Event().wait()


@asynccontextmanager
async def serving(house: House) -> AsyncGenerator[None]:
    async with Worker(
        house.client, task_queue=house.task_queue, workflows=[Closing], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        yield


async def close(house: House, how: str, **outcome: Any) -> str:
    """A submitted run whose workflow has closed like that."""
    run_id = await house.submitted()
    told = RunOutcome(run_id=run_id, **outcome)
    handle = await house.client.start_workflow(
        RUN_WORKFLOW, args=[how, told], id=run_workflow_id(run_id), task_queue=house.task_queue
    )

    async def shown() -> bool:
        return (await handle.describe()).typed_search_attributes.get(RUN_STATUS) is not None

    if how == "is cancelled":
        await until(shown)
        await handle.cancel()

    async def closed() -> bool:
        return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

    await until(closed)
    return run_id


async def record_of(house: House, run_id: str) -> RunRecord:
    stored = await house.store.get(run_id)
    assert stored is not None
    return stored.record


async def test_the_record_is_repaired_as_the_workflow_closed(house: House) -> None:
    async with serving(house):
        failed = await close(house, "fails", status="timeout", error="too slow", error_type="Timeout", steps=3)
        rolled_back = await close(house, "is cancelled", status="rolled_back")
        cancelled = await close(house, "is cancelled", status="interrupted")
        early = await close(house, "is cancelled", status="running")
        broken = await close(house, "breaks", status="error")
    for run_id in (failed, rolled_back, cancelled, early, broken):
        await house.repair().look(run_id)
    record = await record_of(house, failed)
    assert record.error is not None
    assert (record.status, record.error.type, record.error.message) == (RunStatus.TIMEOUT, "Timeout", "too slow")
    assert record.steps == 3
    found = [await record_of(house, run_id) for run_id in (rolled_back, cancelled)]
    assert [(one.status, one.cancel_action) for one in found] == [
        (RunStatus.ROLLED_BACK, CancelAction.ROLLBACK),
        (RunStatus.INTERRUPTED, CancelAction.INTERRUPT),
    ]
    for run_id in (early, broken):
        record = await record_of(house, run_id)
        assert record.error is not None
        assert record.error.type == "Terminated"


async def test_runs_that_failed_in_order_are_not_looked_at(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a day of many cancelled runs would hide those that were terminated: the list has an end."""
    monkeypatch.setattr("perdure.runtime.housekeeping.PACE", Pace(0.02, 0.05, 600, 0.01, 600))
    looked: list[str] = []

    async def no_records(*_: Any, **__: Any) -> list[RunRecord]:
        return []

    async def noted(self: Repair, run_id: str) -> None:
        looked.append(run_id)

    lists, list_workflows = 0, Client.list_workflows

    def counted(self: Client, *arguments: Any, **options: Any) -> WorkflowExecutionAsyncIterator:
        nonlocal lists
        lists += 1
        return list_workflows(self, *arguments, **options)

    monkeypatch.setattr(Client, "list_workflows", counted)
    monkeypatch.setattr(SqlStore, "unended", no_records)
    monkeypatch.setattr(Repair, "look", noted)
    async with serving(house):
        in_order = [
            await close(house, "fails", status="error", error="no luck"),
            await close(house, "is cancelled", status="rolled_back"),
        ]
        expected = [
            await close(house, "breaks", status="running"),
            await close(house, "is cancelled", status="running"),
        ]
    await house.terminated(terminated := await house.submitted())

    async def settled() -> bool:
        """The list may for a moment have an execution without its status, which is then worth a look."""
        query = f'TaskQueue = "{house.task_queue}" AND ExecutionStatus != "Running"'
        found = {one.id: one.search_attributes async for one in list_workflows(house.client, query)}
        return all(SEARCH_RUN_STATUS in found.get(run_workflow_id(run_id), {}) for run_id in in_order)

    await until(settled)
    async with house.housekeeping().running():
        await until(lambda: {*expected, terminated} <= {*looked})
        listed = lists
        await until(lambda: lists > listed + 1)  # the list is eventually consistent, and has the newest first
    assert sorted(looked) == sorted([*expected, terminated])
