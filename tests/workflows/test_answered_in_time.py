"""An answer and the end of its `awaiting_timeout` in one workflow task: what was accepted counts."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.servers import until
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.contracts.types import RunStatus
from perdure.contracts.wire import (
    ACTIVITY_ANNOUNCE_QUESTIONS,
    ACTIVITY_FINISH_RUN,
    ACTIVITY_RUN_SUPERSTEPS,
    RUN_WORKFLOW,
    SIGNAL_RESUME,
    Question,
    QuestionsInput,
    RunInput,
    RunLimits,
    RunOutcome,
    SliceInput,
    SliceResult,
)
from perdure.contracts.wire_ending import FinishInput
from perdure.workflows import RunWorkflow

FLAGS = "temporalio.worker._workflow._DEFAULT_ENABLED_WORKFLOW_LOGIC_FLAGS"
ONE_BATCH = 2
"""Temporal's SDK will apply all that one workflow task brings before any of it is looked at."""


@activity.defn(name=ACTIVITY_RUN_SUPERSTEPS)
async def run_supersteps(slice: SliceInput) -> SliceResult:
    if slice.answers:
        return SliceResult(outcome="done", steps=2)
    return SliceResult(outcome="asks", steps=1, questions=[Question(id="q")])


@activity.defn(name=ACTIVITY_ANNOUNCE_QUESTIONS)
async def announce_questions(asks: QuestionsInput) -> None:
    return None


@activity.defn(name=ACTIVITY_FINISH_RUN)
async def finish_run(finish: FinishInput) -> RunOutcome:
    return RunOutcome(run_id=finish.run_id, status=finish.status)


@asynccontextmanager
async def worker(client: Client, queue: str) -> AsyncGenerator[None]:
    activities: list[Any] = [run_supersteps, announce_questions, finish_run]
    async with Worker(
        client, task_queue=queue, workflows=[RunWorkflow], activities=activities,
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):  # fmt: skip
        yield


async def events(workflow: WorkflowHandle[Any, Any]) -> list[EventType.ValueType]:
    return [event.event_type for event in (await workflow.fetch_history()).events]


@pytest.mark.parametrize("flags", [frozenset[int](), frozenset({ONE_BATCH})], ids=["as it is", "in one batch"])
async def test_an_answer_that_was_accepted_counts(
    flags: frozenset[int], temporal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FLAGS, flags)
    client = await Client.connect(temporal, data_converter=pydantic_data_converter)
    queue = f"test-{uuid.uuid4()}"
    run = RunInput(run_id="r", thread_id="t", assistant_id="a", admitted=True, limits=RunLimits(awaiting_timeout=3.0))
    async with worker(client, queue):
        workflow = await client.start_workflow(RUN_WORKFLOW, run, id=queue, task_queue=queue, result_type=RunOutcome)
        await until(lambda: waits(workflow))
    await until(lambda: fired(workflow))
    await workflow.signal(SIGNAL_RESUME, {"value": "Ann"})
    async with worker(client, queue), asyncio.timeout(30):
        assert (await workflow.result()).status is RunStatus.SUCCESS


async def waits(workflow: WorkflowHandle[Any, Any]) -> bool:
    found = await events(workflow)
    return EventType.EVENT_TYPE_TIMER_STARTED in found and (
        found.count(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED) == 2
    )


async def fired(workflow: WorkflowHandle[Any, Any]) -> bool:
    return EventType.EVENT_TYPE_TIMER_FIRED in await events(workflow)
