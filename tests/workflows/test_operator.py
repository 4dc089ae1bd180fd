"""What an operator does in the Temporal UI or with its CLI, besides signals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from support.graphs import count_to
from support.servers import until

from perdure import ActorContext, RunsFacade, RunSpec, RunStatus, Worker, bind_actor
from perdure.runtime.housekeeping import Pace

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]


async def test_terminating_a_run_frees_its_thread(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    record = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    queued = await runs.create_background(spec("counting", input=count_to(1)))
    await cli("terminate", "--workflow-id", f"run-{record.run_id}")
    assert (await runs.join_wait(queued.run_id)).status is RunStatus.SUCCESS
    result = await runs.join_wait(record.run_id)
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert "ended from outside" in result.error.message
    assert [event.event async for event in await runs.join_stream(record.run_id)][-1] == "error"


@pytest.fixture
def no_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a round over the records may find a run that was in line before it is submitted again, and end it."""
    monkeypatch.setattr("perdure.runtime.housekeeping.PACE", Pace(records=3600.0))


@pytest.mark.usefixtures("no_rounds")
async def test_a_thread_whose_workflow_was_terminated_goes_on(
    runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli
) -> None:
    running = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    queued = spec("counting", input=count_to(1), run_id=f"queued-{running.run_id}")
    await runs.create_background(queued)
    await cli("terminate", "--workflow-id", f"thread-{running.thread_id}")
    await runs.cancel(running.run_id)
    await runs.join_wait(running.run_id)
    await runs.create_background(queued)
    assert (await runs.join_wait(f"queued-{running.run_id}")).status is RunStatus.SUCCESS


async def test_the_status_query(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
    text = await cli("query", "--workflow-id", f"run-{record.run_id}", "--type", "status")
    assert "awaiting_input" in text
    await runs.cancel(record.run_id)


async def test_runs_are_found_by_search_attributes(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    with bind_actor(ActorContext(user_id="ann")):
        record, _ = await runs.create_and_wait(spec("failing", input={"log": []}))
    of_thread = f'ThreadId = "{record.thread_id}" AND UserId = "ann"'
    of_run = f'{of_thread} AND AssistantId = "failing" AND RunStatus = "error" AND ExecutionStatus = "Failed"'

    async def listed(query: str, workflow: str) -> bool:
        return workflow in await cli("list", "--query", query, "--limit", "5")

    await until(lambda: listed(of_run, f"run-{record.run_id}"))  # the list is eventually consistent
    await until(lambda: listed(of_thread, f"thread-{record.thread_id}"))
