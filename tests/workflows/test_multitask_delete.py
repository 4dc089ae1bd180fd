"""A thread that is being removed, on a bad day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from support.overlap import Overlap, in_full
from support.servers import until
from temporalio.api.enums.v1 import EventType

from perdure import RunNotFoundError, RunRecord, RunsFacade, RunSpec, RunStatus, Settings
from perdure.activities.thread_restore import Threads
from perdure.contracts.wire import thread_workflow_id
from perdure.contracts.wire_thread import DeleteThreadInput, DeletionAnswer
from perdure.runtime.connection import connect_temporal
from perdure.workflows import thread_workflow

Spec = Callable[..., RunSpec]
SLOW_TO_LEAVE: dict[str, Any] = {"configurable": {"pace": 60.0, "cleanup": 4.0}}


async def test_a_run_that_goes_while_they_are_listed_does_not_end_the_thread(
    runs: RunsFacade, overlap: Overlap, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete, failures = Threads.delete, [RunNotFoundError("gone")]

    async def fail_once(threads: Threads, request: DeleteThreadInput) -> DeletionAnswer:
        if failures:
            raise failures.pop()
        return await delete(threads, request)

    monkeypatch.setattr(Threads, "delete", fail_once)
    old, _ = await runs.create_and_wait(spec("overlap", input={"log": []}))
    assert await runs.delete_thread(old.thread_id)
    assert failures == []
    assert await runs.get_run(old.run_id) is None
    new, result = await runs.create_and_wait(spec("overlap", input={"log": []}))
    assert result.values == {"log": in_full(new.run_id)}


async def test_a_run_that_a_deletion_took_out_of_the_line_may_come_again(
    runs: RunsFacade, overlap: Overlap, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that is about to continue as new acknowledges runs that it does not start yet."""
    monkeypatch.setattr(thread_workflow, "_MAX_SUBMISSIONS", 1)
    old = await runs.create_background(spec("overlap", input={"log": []}, runnable_config=SLOW_TO_LEAVE))
    await until(lambda: old.run_id in overlap.order(old.thread_id))
    late = spec("overlap", input={"log": []}, run_id=f"late-{old.thread_id}")

    first = await _deletion(runs, settings, old, 1)
    await runs.create_background(late)
    second = await _deletion(runs, settings, old, 2)
    await runs.create_background(late)
    assert overlap.leaving(old.thread_id), "all of that came while the old run was leaving"
    overlap.let_go.set()

    assert await asyncio.gather(first, second) == [True, True]
    result = await runs.join_wait(late.run_id or "")
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": in_full(result.run_id)})
    assert overlap.order(old.thread_id) == [old.run_id, result.run_id]


async def _deletion(runs: RunsFacade, settings: Settings, record: RunRecord, number: int) -> asyncio.Task[bool]:
    """A deletion that the thread has taken as its `number`th update that waits."""
    client = await connect_temporal(settings)
    deletion = asyncio.create_task(runs.delete_thread(record.thread_id))

    async def taken() -> bool:
        history = await client.get_workflow_handle(thread_workflow_id(record.thread_id)).fetch_history()
        kinds = [event.event_type for event in history.events]
        accepted = kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
        return accepted - kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED) == number

    await until(taken)
    return deletion
