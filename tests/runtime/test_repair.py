"""One run whose record and whose workflow may disagree."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from perdure import RunScope, RunSpec, RunStatus
from perdure.activities.attempt.fence import attempt_fence
from perdure.contracts.errors import FencedError, RunNotFoundError
from perdure.contracts.settings import RunSettings
from perdure.contracts.types import RunError
from perdure.contracts.wire import (
    THREAD_WORKFLOW,
    thread_workflow_id,
)
from perdure.contracts.wire_ending import FinishInput
from perdure.facade.planner import ExecutionPlanner
from perdure.runtime.repair import DRAFT_LIFETIME
from perdure.store.contract import RunEnding

from .house import House

_OUTSIDE = "the run was ended from outside: "
_HOUR = timedelta(hours=1)


async def test_the_run_of_a_terminated_workflow_ends_as_an_error(house: House) -> None:
    run_id = await house.submitted()
    waiting = asyncio.create_task(house.events(run_id))
    await house.terminated(run_id)
    await house.repair().look(run_id)
    (event,) = await waiting
    assert (event.event, event.data["status"]) == ("error", "error")
    stored = await house.store.get(run_id)
    assert stored is not None
    error = RunError(type="Terminated", message=f"{_OUTSIDE}the operator's reason")
    assert (stored.record.status, stored.record.error) == (RunStatus.ERROR, error)
    assert stored.record.ended_at is not None


async def test_a_run_whose_workflow_goes_on_is_left_alone(house: House) -> None:
    run_id = await house.submitted()
    await house.workflow(run_id)
    await house.repair().look(run_id)
    assert await house.status(run_id) is RunStatus.PENDING


async def test_a_run_that_goes_on_in_a_newer_execution_is_left_alone(house: House) -> None:
    run_id = await house.submitted()
    await house.terminated(run_id)
    await house.workflow(run_id)  # a reset looks like this
    await house.repair().look(run_id)
    assert await house.status(run_id) is RunStatus.PENDING


async def test_a_run_whose_workflow_is_gone_ends_as_an_error(house: House) -> None:
    run_id = await house.submitted(thread_id=f"thread-of-{house.task_queue}")
    await house.repair().look(run_id)
    (event,) = await house.events(run_id)
    assert event.data["error"]["message"] == f"{_OUTSIDE}its workflow is gone"
    assert await house.ended(run_id)


async def test_another_temporal_cannot_tell_that_a_run_is_gone(house: House, caplog: pytest.LogCaptureFixture) -> None:
    other = "11111111-2222-3333-4444-555555555555"
    runs = [await house.submitted(thread_id=f"thread-of-{house.task_queue}", temporal=other) for _ in range(2)]
    draft = await house.draft(age=2 * _HOUR, temporal=other)
    repair = house.repair()
    for run_id in (*runs, draft):
        await repair.look(run_id)
        assert await house.status(run_id) is RunStatus.PENDING
    assert caplog.text.count(f"perdure abandon {other}") == 1
    await house.store.abandon_temporal(other)
    for run_id in runs:
        await repair.look(run_id)
        assert await house.ended(run_id)
    await repair.look(draft)
    assert await house.status(draft) is None


async def test_a_new_database_of_the_own_server_is_the_end_of_what_was_in_the_old_one(house: House) -> None:
    other = "11111111-2222-3333-4444-666666666666"
    await house.store.meet_temporal(other, "/home/temporal.db.lock")
    run_id = await house.submitted(thread_id=f"thread-of-{house.task_queue}", temporal=other)
    await replace(house.repair(), own_place=lambda: "/home/other.db.lock").look(run_id)
    assert await house.status(run_id) is RunStatus.PENDING
    await replace(house.repair(), own_place=lambda: "/home/temporal.db.lock").look(run_id)
    assert await house.ended(run_id)


async def test_a_thread_that_goes_on_may_be_about_to_start_the_run(house: House) -> None:
    thread_id = f"busy-{house.task_queue}"
    submitted, draft = await house.submitted(thread_id=thread_id), await house.draft(thread_id=thread_id, age=2 * _HOUR)
    thread = await house.client.start_workflow(
        THREAD_WORKFLOW, id=thread_workflow_id(thread_id), task_queue=house.task_queue
    )
    for run_id in (submitted, draft):
        await house.repair().look(run_id)
        assert await house.status(run_id) is RunStatus.PENDING
    await thread.terminate()
    for run_id in (submitted, draft):
        await house.repair().look(run_id)
    assert await house.ended(submitted)
    assert await house.status(draft) is None


async def test_a_namespace_that_is_missing_says_nothing_of_its_workflows(house: House) -> None:
    run_id = await house.submitted()
    nowhere = Client(house.client.service_client, namespace="nowhere")
    with pytest.raises(RPCError, match="nowhere"):
        await house.repair(client=nowhere).look(run_id)
    assert await house.status(run_id) is RunStatus.PENDING


async def test_the_workers_of_another_task_queue_repair_its_runs(house: House) -> None:
    run_id = await house.submitted()
    other = f"other-{house.task_queue}"
    await house.terminated(run_id, task_queue=other)
    await house.repair().look(run_id)
    assert await house.status(run_id) is RunStatus.PENDING
    await house.repair(task_queue=other).look(run_id)
    assert await house.ended(run_id)


async def test_an_end_without_its_event_is_announced(house: House) -> None:
    run_id = await house.submitted()
    await house.terminated(run_id)
    await house.store.finish(run_id, RunEnding(status=RunStatus.SUCCESS, steps=3), fence=1)  # and here it was killed
    await house.repair().look(run_id)
    (event,) = await house.events(run_id)
    assert (event.event, event.data["status"]) == ("end", "success"), "the end that was written is the one"


async def test_a_run_in_good_order_costs_temporal_nothing(house: House, away: Client) -> None:
    run_id = await house.submitted()
    await house.repair().look(run_id)
    await house.repair(client=away).look(run_id)
    assert len(await house.events(run_id)) == 1


async def test_many_repairs_at_once_are_one(house: House) -> None:
    run_id = await house.submitted()
    await house.terminated(run_id)
    await asyncio.gather(*(house.repair().look(run_id) for _ in range(10)))
    assert [event.event for event in await house.events(run_id)] == ["error"]


@pytest.mark.parametrize("thread_first", [True, False])
async def test_the_repair_of_a_thread_may_come_before_and_after(house: House, thread_first: bool) -> None:
    run_id = await house.submitted()
    await house.terminated(run_id)

    async def by_its_thread() -> None:
        fence = int((time.time() + 60) * 1000)
        error = RunError(type="Terminated", message="by its thread")
        end = FinishInput(run_id=run_id, thread_id="any", fence=fence, status=RunStatus.ERROR, error=error)
        await house.ending.finish(end, await house.store.get_spec(run_id), fence=attempt_fence(fence, 1))

    repairs = [by_its_thread, lambda: house.repair().look(run_id)]
    for repair in repairs if thread_first else reversed(repairs):
        await repair()
    (event,) = await house.events(run_id)
    stored = await house.store.get(run_id)
    assert stored is not None
    assert stored.record.error is not None
    assert (stored.record.error.message == "by its thread") is thread_first
    assert event.data["error"]["message"] == stored.record.error.message


async def test_what_the_cut_attempt_says_afterwards_is_refused(house: House) -> None:
    thread_id = f"cut-{house.task_queue}"
    run_id = await house.submitted(thread_id=thread_id)
    last = attempt_fence(int(time.time() * 1000), 7)
    await house.store.mark_running(run_id, fence=last, attempt=1)
    await house.ends.checkpoints.take(run_id, thread_id, fence=last)
    await house.bridge.publish(run_id, [], fence=last)
    await house.terminated(run_id)
    await house.repair().look(run_id)
    with pytest.raises(FencedError):
        await house.bridge.publish(run_id, [], fence=last)
    with pytest.raises(FencedError):
        await house.ends.checkpoints.take(run_id, thread_id, fence=last)


async def test_a_draft_that_nobody_submitted_is_removed_after_an_hour(house: House) -> None:
    young, old = await house.draft(age=DRAFT_LIFETIME - timedelta(minutes=1)), await house.draft(age=DRAFT_LIFETIME)
    for run_id in (young, old):
        await house.repair().look(run_id)
    assert [await house.status(run_id) for run_id in (young, old)] == [RunStatus.PENDING, None]
    with pytest.raises(RunNotFoundError):
        await house.bridge.last_event_id(old)


async def test_a_draft_whose_workflow_is_there_was_submitted(house: House) -> None:
    run_id = await house.draft(age=2 * _HOUR)
    await house.workflow(run_id)
    await house.repair().look(run_id)
    stored = await house.store.get(run_id)
    assert stored is not None
    assert stored.submitted


async def test_the_workflow_of_a_deleted_run_is_not_that_of_its_successor(house: House) -> None:
    run_id = await house.submitted()
    await house.terminated(run_id)
    await house.store.delete(run_id)
    spec = RunSpec(assistant_id="counting", scope=RunScope(kind="stateless"), run_id=run_id)
    plan = ExecutionPlanner(RunSettings()).plan(spec)
    await house.store.create(plan.record, plan.spec)
    await house.repair().look(run_id)
    assert await house.status(run_id) is RunStatus.PENDING, "whose it is, its client finds out"


async def test_a_deleted_run_stays_deleted(house: House) -> None:
    run_id = await house.submitted()
    await house.terminated(run_id)
    await house.store.delete(run_id)
    await house.bridge.cleanup(run_id)
    await house.repair().look(run_id)
    assert await house.status(run_id) is None
    with pytest.raises(RunNotFoundError):
        await house.bridge.last_event_id(run_id)
