"""The slice in which the graph is done ends the run, and who stops it then is told what is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from support.graphs import count_to
from support.servers import until
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.activities.finalizer import Finalizer
from perdure.activities.run_activities import RunActivities
from perdure.contracts.types import TERMINAL_EVENTS
from perdure.contracts.wire import run_workflow_id
from perdure.runtime.connection import connect_temporal

Spec = Callable[..., RunSpec]
End = Callable[..., Awaitable[object]]
Handle = WorkflowHandle[Any, Any]
Workflow = Callable[[str], Handle]


class Ends:
    """What comes between a graph's end and what its run's workflow hears of it."""

    def __init__(self, finish: End) -> None:
        self._finish = finish
        self.count = 0
        self.entered = asyncio.Event()
        self.released = asyncio.Event()
        self.fails_before = self.fails_after = self.held = False

    async def finish(self, finalizer: Finalizer, *given: object, **more: object) -> object:
        self.count += 1
        first = self.count == 1
        self.entered.set()
        if first and self.held:
            await self.released.wait()
        if first and self.fails_before:
            raise RuntimeError("the store is not there")
        ended = await self._finish(finalizer, *given, **more)
        if first and self.fails_after:
            raise RuntimeError("the bridge is not there")
        return ended


@pytest.fixture
async def ends(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> AsyncIterator[Ends]:
    ends = Ends(Finalizer.finish)

    async def finish(finalizer: Finalizer, *given: object, **more: object) -> object:
        return await ends.finish(finalizer, *given, **more)

    monkeypatch.setattr(Finalizer, "finish", finish)
    yield ends
    ends.released.set()


async def _kinds(workflow: Handle) -> list[tuple[int, str]]:
    return [
        (event.event_type, event.activity_task_scheduled_event_attributes.activity_type.name)
        async for event in workflow.fetch_history_events()
    ]


async def _ended_once(runs: RunsFacade, run_id: str) -> None:
    events = [event async for event in await runs.join_stream(run_id)]
    assert [event.event for event in events if event.event in TERMINAL_EVENTS] == ["end"]
    record = await runs.get_run(run_id)
    assert record is not None
    assert (record.status, record.attempt) == (RunStatus.SUCCESS, 1)


@pytest.fixture
async def workflow_of(settings: Settings) -> Workflow:
    client = await connect_temporal(settings)
    return lambda run_id: client.get_workflow_handle(run_workflow_id(run_id))


async def test_no_activity_follows(runs: RunsFacade, worker: Worker, spec: Spec, workflow_of: Workflow) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))
    await workflow_of(record.run_id).result()
    kinds = await _kinds(workflow_of(record.run_id))
    assert {name for _, name in kinds if name} == {"run_supersteps"}
    await _ended_once(runs, record.run_id)


@pytest.mark.parametrize("fails", ["not", "before it is written", "after it is written"])
@pytest.mark.parametrize("by", ["facade", "signal", "temporal's cancel"])
async def test_a_stop_that_comes_while_the_end_is_written(
    by: str, fails: str, runs: RunsFacade, ends: Ends, spec: Spec, workflow_of: Workflow
) -> None:
    ends.held, ends.fails_before, ends.fails_after = True, "before" in fails, "after" in fails
    run_id = (await runs.create_background(spec("counting", input=count_to(1)))).run_id
    await ends.entered.wait()
    workflow = workflow_of(run_id)
    calls: dict[str, tuple[Callable[[], Awaitable[object]], int]] = {
        "facade": (lambda: runs.cancel(run_id), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED),
        "signal": (lambda: workflow.signal("cancel"), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED),
        "temporal's cancel": (workflow.cancel, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED),
    }
    call, arrives = calls[by]
    stopping = asyncio.ensure_future(call())

    async def has_arrived() -> bool:
        return arrives in [kind for kind, _ in await _kinds(workflow)]

    await until(has_arrived)
    assert by != "facade" or not stopping.done()
    ends.released.set()
    accepted = await stopping
    result = await runs.join_wait(run_id)
    assert result.status is (RunStatus.INTERRUPTED if "before" in fails else RunStatus.SUCCESS)
    assert by != "facade" or accepted is ("before" in fails)
    if "before" not in fails:
        await _ended_once(runs, run_id)


@pytest.mark.parametrize("fails", ["before it is written", "after it is written"])
async def test_what_cannot_be_written_is_written_by_its_workflow(
    fails: str, runs: RunsFacade, ends: Ends, spec: Spec, workflow_of: Workflow
) -> None:
    ends.fails_before, ends.fails_after = "before" in fails, "after" in fails
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    await workflow_of(record.run_id).result()
    assert "finish_run" in {name for _, name in await _kinds(workflow_of(record.run_id))}
    await _ended_once(runs, record.run_id)


async def test_a_worker_that_is_lost_when_the_end_is_written(
    runs: RunsFacade, worker: Worker, spec: Spec, workflow_of: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_end, lost = RunActivities._with_end, False  # pyright: ignore[reportPrivateUsage]

    async def then_lost(*given: object) -> object:
        nonlocal lost
        result = await with_end(*given)  # pyright: ignore[reportArgumentType]
        if not lost:
            lost = True
            raise RuntimeError("the worker is lost")
        return result

    monkeypatch.setattr(RunActivities, "_with_end", then_lost)
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    outcome = await workflow_of(record.run_id).result()
    assert outcome["status"] == "success"
    assert {name for _, name in await _kinds(workflow_of(record.run_id)) if name} == {"run_supersteps"}
    await _ended_once(runs, record.run_id)
