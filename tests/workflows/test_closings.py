"""What Temporal's users see of a run that has ended: its workflow is Completed, Failed or Canceled, and says why."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.graphs import count_to
from support.servers import until
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from perdure import CancelAction, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.types import new_run_id
from perdure.contracts.wire import RunOutcome, run_workflow_id, thread_workflow_id
from perdure.runtime.connection import connect_temporal
from perdure.workflows import thread_workflow

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]
End = Callable[[RunsFacade, Cli, str], Awaitable[object]]

COMPLETED, FAILED = WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.FAILED
CANCELED = WorkflowExecutionStatus.CANCELED


@pytest.fixture
async def client(settings: Settings) -> Client:
    return await connect_temporal(settings)


async def by_itself(runs: RunsFacade, cli: Cli, run_id: str) -> None:
    pass


async def cancel(runs: RunsFacade, cli: Cli, run_id: str) -> None:
    assert await runs.cancel(run_id)


async def roll_back(runs: RunsFacade, cli: Cli, run_id: str) -> None:
    assert await runs.cancel(run_id, action=CancelAction.ROLLBACK)


async def interrupt(runs: RunsFacade, cli: Cli, run_id: str) -> None:
    assert await runs.interrupt(run_id)


async def cancel_by_temporal(runs: RunsFacade, cli: Cli, run_id: str) -> None:
    await cli("cancel", "--workflow-id", run_workflow_id(run_id))


@dataclass(frozen=True)
class Case:
    graph: str
    status: RunStatus
    shown: WorkflowExecutionStatus
    end: End = by_itself
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


LONG = {"input": count_to(1000, 0.05)}
CASES = {
    "success": Case("counting", RunStatus.SUCCESS, COMPLETED, options={"input": count_to(2)}),
    "asks, and was told to end then": Case(
        "asking", RunStatus.INTERRUPTED, COMPLETED, options={"on_interrupt": "finish"}
    ),
    "its graph raises": Case("failing", RunStatus.ERROR, FAILED),
    "run_timeout": Case("counting", RunStatus.TIMEOUT, FAILED, options=LONG | {"run_timeout": 0.5}),
    "awaiting_timeout": Case("asking", RunStatus.TIMEOUT, FAILED, options={"awaiting_timeout": 0.2}),
    "cancelled": Case("counting", RunStatus.INTERRUPTED, CANCELED, cancel, LONG),
    "rolled back": Case("counting", RunStatus.ROLLED_BACK, CANCELED, roll_back, LONG),
    "interrupted": Case("counting", RunStatus.INTERRUPTED, CANCELED, interrupt, LONG),
    "cancelled by Temporal": Case("counting", RunStatus.INTERRUPTED, CANCELED, cancel_by_temporal, LONG),
    "cancelled at its question": Case("asking", RunStatus.INTERRUPTED, CANCELED, cancel),
}


async def closed(client: Client, workflow_id: str) -> WorkflowExecutionDescription:
    workflow = client.get_workflow_handle(workflow_id)

    async def has_closed() -> bool:
        return (await workflow.describe()).status is not WorkflowExecutionStatus.RUNNING

    await until(has_closed)
    return await workflow.describe()


async def failure(client: Client, run_id: str) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await client.get_workflow_handle(run_workflow_id(run_id)).result()
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


async def events(client: Client, workflow_id: str) -> list[str]:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]


def loud(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What a worker says of an end that is none of its graph's."""
    ours = ("perdure.activities.driver", "perdure.activities.attempt")  # a graph that raised, with its traceback
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING and not one.name.startswith(ours)]
    return [one.getMessage() for one in warnings]


@pytest.mark.parametrize("scope", ["stateful", "stateless"])
async def test_a_closed_workflow_shows_how_its_run_ended(
    scope: str, runs: RunsFacade, worker: Worker, cli: Cli, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async def shown(case: Case) -> tuple[RunStatus, WorkflowExecutionStatus]:
        place = RunScope(thread_id=new_run_id()) if scope == "stateful" else RunScope(kind="stateless")
        fields: dict[str, Any] = {"assistant_id": case.graph, "scope": place, "input": {"log": []}, **case.options}
        record, stream = await runs.create_and_stream(RunSpec.model_validate(fields))
        begun = "awaiting_input" if case.graph == "asking" else "metadata"
        async with aclosing(stream):
            async for event in stream:
                if event.event == begun and case.end is not by_itself:
                    await case.end(runs, cli, record.run_id)
        found = await runs.get_run(record.run_id)
        assert found is not None
        return found.status, (await closed(client, run_workflow_id(record.run_id))).status or COMPLETED

    found = await asyncio.gather(*(shown(case) for case in CASES.values()))
    assert dict(zip(CASES, found, strict=True)) == {name: (case.status, case.shown) for name, case in CASES.items()}
    assert loud(caplog) == []


async def ended(runs: RunsFacade, run_id: str) -> bool:
    record = await runs.get_run(run_id)
    return record is not None and record.status.terminal


async def test_the_failure_says_what_and_where(runs: RunsFacade, worker: Worker, spec: Spec, client: Client) -> None:
    record, _ = await runs.create_and_wait(spec("failing", input={"log": []}))
    found = await failure(client, record.run_id)
    assert (found.message, found.type) == ("ValueError: no luck (after 1 supersteps, at bad)", "ValueError")
    outcome = RunOutcome.model_validate(found.details[0])
    assert (outcome.run_id, outcome.status, outcome.error) == (record.run_id, RunStatus.ERROR, "no luck")


async def test_a_timeout_says_which(runs: RunsFacade, worker: Worker, spec: Spec, client: Client) -> None:
    record, _ = await runs.create_and_wait(spec("asking", input={"log": []}, awaiting_timeout=0.2))
    await until(lambda: ended(runs, record.run_id))
    found = await failure(client, record.run_id)
    assert found.type == "Timeout"
    assert "nobody answered within awaiting_timeout (0.2 s)" in found.message


async def test_the_cancel_says_why(runs: RunsFacade, worker: Worker, spec: Spec, client: Client) -> None:
    record = await runs.create_background(spec("counting", **LONG))
    assert await runs.cancel(record.run_id, action=CancelAction.ROLLBACK)
    await closed(client, run_workflow_id(record.run_id))
    history = await client.get_workflow_handle(run_workflow_id(record.run_id)).fetch_history()
    causes = [event.workflow_execution_cancel_requested_event_attributes.cause for event in history.events]
    assert "the run ended as rolled_back" in causes


async def test_a_thread_takes_each_end_for_one(
    awake: None, runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli, client: Client
) -> None:
    failed, _ = await runs.create_and_wait(spec("failing", input={"log": []}))
    cancelled = await runs.create_background(spec("counting", **LONG))
    await runs.cancel(cancelled.run_id)
    _, after = await runs.create_and_wait(spec("counting", input={"log": [], "steps": 1, "delay": 0}))
    assert after.status is RunStatus.SUCCESS
    seen = await events(client, thread_workflow_id(failed.thread_id))
    assert "CHILD_WORKFLOW_EXECUTION_FAILED" in seen
    assert "CHILD_WORKFLOW_EXECUTION_CANCELED" in seen
    assert "ACTIVITY_TASK_SCHEDULED" not in seen, "nothing is repaired"


@pytest.mark.parametrize("end", [cancel, by_itself], ids=["cancelled", "failed"])
async def test_a_thread_that_was_carried_over_takes_each_end_for_one(
    end: End,
    awake: None,
    runs: RunsFacade,
    worker: Worker,
    spec: Spec,
    cli: Cli,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(thread_workflow, "_MAX_SUBMISSIONS", 2)
        record = await runs.create_background(spec("counting", **LONG, run_timeout=None if end is cancel else 3.0))
        thread = thread_workflow_id(record.thread_id)
        await until(lambda: seen(client, thread, "CHILD_WORKFLOW_EXECUTION_STARTED"))
        after = await runs.create_background(spec("counting", input=count_to(1)))
        await until(lambda: seen(client, thread, "ACTIVITY_TASK_SCHEDULED"))  # it is watched by the next execution
    await end(runs, cli, record.run_id)
    assert (await runs.join_wait(after.run_id)).status is RunStatus.SUCCESS
    assert (await runs.join_wait(record.run_id)).status in (RunStatus.INTERRUPTED, RunStatus.TIMEOUT)
    assert (await events(client, thread)).count("ACTIVITY_TASK_SCHEDULED") == 1, "nothing is repaired"


async def seen(client: Client, workflow_id: str, event: str) -> bool:
    return event in await events(client, workflow_id)
