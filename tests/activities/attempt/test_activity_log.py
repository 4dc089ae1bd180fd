"""A failure that is reported on purpose is one line in the log; a programming error keeps its traceback."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.activities.attempt.activity_log import log_in_one_line
from perdure.activities.attempt.failures import MachineFailure, graph_failure


@activity.defn(name="fails")
async def fails(how: str) -> None:
    raise HOW[how]()


HOW: dict[str, Callable[[], BaseException]] = {
    "machine": lambda: MachineFailure("the bridge\nis away", type="SliceFailed"),
    "final": lambda: MachineFailure("no such run", type="RunGone", non_retryable=True),
    "graph": lambda: graph_failure(ValueError("no luck"), 1),
    "fault": lambda: KeyError("a fault of ours"),
}


@workflow.defn(name="Fails")
class Fails:
    @workflow.run
    async def run(self, how: str) -> None:
        limit, retries = timedelta(seconds=10), RetryPolicy(maximum_attempts=1)
        await workflow.execute_activity("fails", how, start_to_close_timeout=limit, retry_policy=retries)


@pytest.mark.parametrize(
    ("how", "said", "traceback"),
    [
        ("machine", "attempt 1, has failed (it is repeated): SliceFailed: the bridge is away", False),
        ("final", "attempt 1, has failed (it is not repeated): RunGone: no such run", False),
        ("graph", None, False),
        ("fault", "Completing activity as failed", True),
    ],
)
async def test_what_the_log_says(
    temporal: str, caplog: pytest.LogCaptureFixture, how: str, said: str | None, traceback: bool
) -> None:
    log_in_one_line()
    log_in_one_line()
    client = await Client.connect(temporal, data_converter=pydantic_data_converter)
    queue = str(uuid.uuid4())
    worker = Worker(
        client,
        task_queue=queue,
        build_id="test",  # else the SDK reads every module to make one up
        workflows=[Fails],
        activities=[fails],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        with caplog.at_level(logging.WARNING, "temporalio.activity"), pytest.raises(WorkflowFailureError):
            await client.execute_workflow("Fails", how, id=queue, task_queue=queue)
    records = [one for one in caplog.records if one.name == "temporalio.activity"]
    assert [said in one.getMessage() for one in records if said] == ([True] if said else [])
    assert [bool(one.exc_info) for one in records] == ([traceback] if said else [])
