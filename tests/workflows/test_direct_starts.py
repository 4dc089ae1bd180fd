"""A run on an idle thread is started by its client, beside a workflow of the thread that sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from support.namespaces import client_of
from support.overlap import Overlap, in_full
from support.servers import until
from support.threads import DiedError, asleep, clients_die
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus

from perdure import MultitaskStrategy, RunsFacade, RunSpec, RunStatus, Settings, ThreadBusyError
from perdure.contracts.settings import WorkerSettings
from perdure.facade.submission import Submitter

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]
NEW: dict[str, Any] = {"log": []}
HELD: dict[str, Any] = {"configurable": {"cleanup": 60.0}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A worker that stops without waiting for the runs that it leaves behind."""
    return settings.model_copy(update={"worker": WorkerSettings(graceful_shutdown=0.1)})


@pytest.fixture
def first(settings: Settings) -> str:
    """The id of a run. All tests share a namespace."""
    return f"first-{settings.temporal.task_queue}"


@pytest.fixture
async def client(temporal: str) -> Client:
    return await client_of(temporal)


@pytest.fixture
def short_sleep() -> Iterator[None]:
    with asleep():
        yield


@pytest.fixture
def client_dies() -> Iterator[Callable[[], None]]:
    with clients_die() as revive:
        yield revive


async def _thread_status(temporal: Client, thread_id: str) -> WorkflowExecutionStatus | None:
    return (await temporal.get_workflow_handle(f"thread-{thread_id}").describe()).status


async def _events(temporal: Client, workflow_id: str) -> list[str]:
    history = temporal.get_workflow_handle(workflow_id).fetch_history_events()
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") async for event in history]


async def test_the_thread_has_one_task_when_nobody_asks_for_it(
    runs: RunsFacade, overlap: Overlap, spec: Spec, client: Client
) -> None:
    with asleep(2.0):  # longer than the run takes on a busy machine, on any back end
        record, result = await runs.create_and_wait(spec("overlap", input=NEW))
    assert (result.status, record.sequence) == (RunStatus.SUCCESS, 1)
    await until(lambda: _is_closed(client, record.thread_id))
    tasks = [event for event in await _events(client, f"thread-{record.thread_id}") if event.endswith("TASK_STARTED")]
    assert tasks == ["WORKFLOW_TASK_STARTED"]


async def _is_closed(temporal: Client, thread_id: str) -> bool:
    return await _thread_status(temporal, thread_id) is WorkflowExecutionStatus.COMPLETED


async def test_a_run_that_outlasts_the_sleep(
    runs: RunsFacade, overlap: Overlap, spec: Spec, client: Client, short_sleep: None
) -> None:
    record = await runs.create_background(spec("overlap", input=NEW, runnable_config=HELD))
    thread = f"thread-{record.thread_id}"
    await until(
        lambda: _told(client, f"run-{record.run_id}", "WORKFLOW_EXECUTION_SIGNALED")
    )  # it is admitted once more
    assert "ACTIVITY_TASK_SCHEDULED" not in await _events(client, thread), "a watch takes a slot"
    overlap.let_go.set()
    assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
    await until(lambda: _is_closed(client, record.thread_id))


async def _told(temporal: Client, workflow_id: str, event: str) -> bool:
    return event in await _events(temporal, workflow_id)


async def test_many_at_once_on_a_new_thread(runs: RunsFacade, overlap: Overlap, spec: Spec) -> None:
    records = await asyncio.gather(*(runs.create_background(spec("overlap", input=NEW)) for _ in range(12)))
    places = {record.sequence or 0: record.run_id for record in records}
    assert sorted(places) == [*range(1, 13)]
    in_line = [places[place] for place in sorted(places)]
    assert [(await runs.join_wait(run_id)).status for run_id in in_line] == [RunStatus.SUCCESS] * 12
    assert overlap.order(records[0].thread_id) == in_line
    assert overlap.violations(records[0].thread_id) == []


@pytest.mark.parametrize("strategy", MultitaskStrategy)
async def test_a_newcomer_while_it_executes(
    runs: RunsFacade, overlap: Overlap, spec: Spec, strategy: MultitaskStrategy
) -> None:
    ends = strategy in (MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK)
    stays = {"configurable": {"pace": 60.0}} if ends else HELD
    first = await runs.create_background(spec("overlap", input=NEW, runnable_config=stays))
    await until(lambda: overlap.inside(first.thread_id) == first.run_id)
    newcomer = spec("overlap", input=NEW, multitask_strategy=strategy)
    if strategy is MultitaskStrategy.REJECT:
        with pytest.raises(ThreadBusyError, match=first.run_id):
            await runs.create_background(newcomer)
        overlap.let_go.set()
        assert (await runs.join_wait(first.run_id)).status is RunStatus.SUCCESS
        return
    second = await runs.create_background(newcomer)
    assert second.sequence == 2
    overlap.let_go.set()
    assert (await runs.join_wait(second.run_id)).status is RunStatus.SUCCESS
    expected = {
        MultitaskStrategy.ENQUEUE: RunStatus.SUCCESS,
        MultitaskStrategy.INTERRUPT: RunStatus.INTERRUPTED,
        MultitaskStrategy.ROLLBACK: RunStatus.ROLLED_BACK,
    }
    assert (await runs.join_wait(first.run_id)).status is expected[strategy]
    assert overlap.violations(first.thread_id) == []


@pytest.mark.parametrize("asked", ["submit", "change", "delete"])
async def test_what_is_asked_once_it_has_ended_does_not_wait(
    runs: RunsFacade, overlap: Overlap, spec: Spec, asked: str
) -> None:
    """The thread's workflow sleeps still, and knows of the end when it is woken."""
    wanted = spec("overlap", input=NEW, multitask_strategy="reject")
    thread_id = wanted.scope.thread_id or ""
    for _ in range(3):
        await runs.create_and_wait(wanted)
        if asked == "submit":
            assert (await runs.create_and_wait(wanted))[1].status is RunStatus.SUCCESS
        elif asked == "change":
            await runs.update_state(thread_id, {"log": ["changed"]}, as_node="third")
        else:
            assert await runs.delete_thread(thread_id)
    assert overlap.violations(thread_id) == []


async def test_a_client_that_dies_between_its_two_starts(
    runs: RunsFacade, overlap: Overlap, spec: Spec, first: str, client_dies: Callable[[], None], short_sleep: None
) -> None:
    with pytest.raises(DiedError):
        await runs.create_background(spec("overlap", input=NEW, run_id=first))
    client_dies()
    await until(lambda: len(overlap.order(spec("overlap").scope.thread_id or "")) == 1)
    assert (await runs.join_wait(first)).status is RunStatus.SUCCESS


async def test_the_next_one_comes_behind_the_run_of_a_client_that_has_died(
    runs: RunsFacade, overlap: Overlap, spec: Spec, first: str, client_dies: Callable[[], None]
) -> None:
    with pytest.raises(DiedError):
        await runs.create_background(spec("overlap", input=NEW, run_id=first))
    client_dies()
    second = await runs.create_background(spec("overlap", input=NEW))
    again = await runs.create_background(spec("overlap", input=NEW, run_id=first))
    assert (again.sequence, second.sequence) == (1, 2)
    assert (await runs.join_wait(second.run_id)).values == {"log": in_full(first, second.run_id)}
    assert overlap.violations(second.thread_id) == []


async def test_the_thread_of_a_client_that_has_died_is_removed(
    runs: RunsFacade, overlap: Overlap, spec: Spec, first: str, client_dies: Callable[[], None]
) -> None:
    with pytest.raises(DiedError):
        await runs.create_background(spec("overlap", input=NEW, run_id=first, runnable_config=HELD))
    client_dies()
    thread_id = spec("overlap").scope.thread_id or ""
    assert await runs.delete_thread(thread_id)
    assert await runs.get_run(first) is None
    _, result = await runs.create_and_wait(spec("overlap", input=NEW))
    assert result.status is RunStatus.SUCCESS
    assert overlap.violations(thread_id) == []


async def test_a_client_that_comes_back_late(
    runs: RunsFacade, overlap: Overlap, spec: Spec, monkeypatch: pytest.MonkeyPatch, short_sleep: None
) -> None:
    """Frozen between its two starts, it finds that the thread has started its run."""
    start, frozen, go_on = Submitter.start_run, asyncio.Event(), asyncio.Event()

    async def late(*given: Any) -> Any:
        frozen.set()
        await go_on.wait()
        return await start(*given)

    monkeypatch.setattr(Submitter, "start_run", late)
    creating = asyncio.create_task(runs.create_background(spec("overlap", input=NEW)))
    await frozen.wait()
    thread_id = spec("overlap").scope.thread_id or ""
    await until(lambda: len(overlap.order(thread_id)) == 1)
    go_on.set()
    record = await creating
    assert (await runs.join_wait(record.run_id)).values == {"log": in_full(record.run_id)}
    assert overlap.violations(thread_id) == []


async def test_a_run_that_is_terminated_frees_its_thread(
    runs: RunsFacade, overlap: Overlap, spec: Spec, cli: Cli
) -> None:
    first = await runs.create_background(spec("overlap", input=NEW, runnable_config=HELD))
    await until(lambda: overlap.leaving(first.thread_id))
    await cli("terminate", "--workflow-id", f"run-{first.run_id}")
    with pytest.raises(ThreadBusyError):  # which has it looked after
        await runs.create_background(spec("overlap", input=NEW, multitask_strategy="reject"))
    result = await runs.join_wait(first.run_id)
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert "ended from outside" in result.error.message
    _, second = await runs.create_and_wait(spec("overlap", input=NEW, multitask_strategy="reject"))
    assert second.status is RunStatus.SUCCESS


async def test_a_cancelled_thread_cancels_the_run_that_it_does_not_know_yet(
    runs: RunsFacade, overlap: Overlap, spec: Spec, cli: Cli
) -> None:
    with asleep(3600):  # which a cancel ends
        first = await runs.create_background(spec("overlap", input=NEW, runnable_config=HELD))
    await cli("cancel", "--workflow-id", f"thread-{first.thread_id}")
    assert (await runs.join_wait(first.run_id)).status is RunStatus.INTERRUPTED
    _, second = await runs.create_and_wait(spec("overlap", input=NEW))
    assert second.status is RunStatus.SUCCESS
