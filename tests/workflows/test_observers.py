"""Observers of a worker are told what happens to its runs, and no run is any the worse for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from support.graphs import asking, count_to, counting, failing
from support.servers import until
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from perdure import (
    ObserverBinding,
    RunLifecycleEvent,
    RunsFacade,
    RunSpec,
    RunStatus,
    Settings,
    Worker,
)
from perdure.contracts.wire import notify_workflow_id, run_workflow_id
from perdure.runtime.connection import connect_temporal

Make = Callable[..., RunSpec]
Serve = Callable[..., AbstractAsyncContextManager[Worker]]


class Notes:
    """An observer that remembers, and does as it is asked."""

    def __init__(self) -> None:
        self.events: list[RunLifecycleEvent] = []
        self.refuses = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def on_event(self, event: RunLifecycleEvent) -> None:
        await self.gate.wait()
        if self.refuses:
            raise ValueError("no luck")
        self.events.append(event)

    def of(self, run_id: str) -> list[str]:
        """What it is told of the run itself."""
        own = (event for event in self.events if event.run_id == run_id)
        return [event.event_type for event in own if event.event_type != "thread_status_updated"]

    async def ending(self, run_id: str) -> RunLifecycleEvent:
        """What it is told of the end of a run."""
        await until(lambda: any(kind in ENDINGS for kind in self.of(run_id)))
        return next(event for event in self.events if event.run_id == run_id and event.event_type in ENDINGS)


ENDINGS = ("run_completed", "run_failed", "run_cancelled")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
async def client(settings: Settings) -> Client:
    return await connect_temporal(settings)


@pytest.fixture
def serve(settings: Settings) -> Serve:
    """A worker with these observers."""

    def make(*observers: Any) -> Worker:
        graphs = {"counting": counting(), "asking": asking("name?"), "failing": failing(ValueError("no luck"))}
        return Worker(graphs=graphs, settings=settings, observers=observers)

    return make


@pytest.fixture
async def observed(serve: Serve, notes: Notes) -> AsyncIterator[Worker]:
    async with serve(notes) as worker:
        yield worker


async def notifying(client: Client, run_id: str) -> WorkflowExecutionDescription:
    return await client.get_workflow_handle(notify_workflow_id(run_id)).describe()


def message(text: str, steps: int = 1) -> dict[str, Any]:
    return {**count_to(steps), "messages": [("user", text)]}


@pytest.mark.usefixtures("observed")
async def test_a_run_that_succeeds(runs: RunsFacade, spec: Make, notes: Notes) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=message("Count!", 3), metadata={"for": "ann"}))
    end = await notes.ending(record.run_id)
    assert notes.of(record.run_id) == ["run_started", "human_message", "run_attempt_started", "run_completed"]
    assert (end.payload["status"], end.payload["steps"]) == ("success", 3)
    started, said = (event.payload for event in notes.events if event.event_type in ("run_started", "human_message"))
    assert (started["assistant_id"], started["metadata"]) == ("counting", {"for": "ann"})
    assert said == {"content": "Count!"}


@pytest.mark.usefixtures("observed")
async def test_a_run_that_asks(runs: RunsFacade, spec: Make, notes: Notes) -> None:
    record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
    await until(lambda: "run_awaiting_input" in notes.of(record.run_id))
    (asked,) = (event.payload for event in notes.events if event.event_type == "run_awaiting_input")
    assert [one["value"] for one in asked["interrupts"]] == ["name?"]
    await runs.resume(record.run_id, "Ann")
    await notes.ending(record.run_id)
    assert notes.of(record.run_id)[-3:] == ["run_awaiting_input", "run_resumed", "run_completed"]


@pytest.mark.usefixtures("observed")
async def test_a_run_that_ends_at_its_question(runs: RunsFacade, spec: Make, notes: Notes) -> None:
    record, _ = await runs.create_and_wait(spec("asking", input={"log": []}, on_interrupt="finish"))
    end = await notes.ending(record.run_id)
    assert (end.event_type, end.payload["status"]) == ("run_completed", "interrupted")
    assert [one["value"] for one in end.payload["interrupts"]] == ["name?"]


@pytest.mark.usefixtures("observed")
async def test_a_run_that_fails(runs: RunsFacade, spec: Make, notes: Notes) -> None:
    record, _ = await runs.create_and_wait(spec("failing", input={"log": []}))
    end = await notes.ending(record.run_id)
    assert (end.event_type, end.payload["error"]) == ("run_failed", {"type": "ValueError", "message": "no luck"})


@pytest.mark.usefixtures("observed")
async def test_a_run_that_takes_too_long(runs: RunsFacade, spec: Make, notes: Notes) -> None:
    record, _ = await runs.create_and_wait(spec("asking", input={"log": []}, awaiting_timeout=0.1))
    await runs.join_wait(record.run_id)
    end = await notes.ending(record.run_id)
    assert (end.event_type, end.payload["status"]) == ("run_failed", "timeout")


@pytest.mark.usefixtures("observed")
@pytest.mark.parametrize(("action", "status"), [("interrupt", "interrupted"), ("rollback", "rolled_back")])
async def test_a_run_that_is_cancelled(runs: RunsFacade, spec: Make, notes: Notes, action: str, status: str) -> None:
    record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
    await runs.cancel(record.run_id, action=action)
    end = await notes.ending(record.run_id)
    assert (end.event_type, end.payload["status"], end.payload["cancel_action"]) == ("run_cancelled", status, action)


@pytest.mark.usefixtures("observed")
async def test_a_run_that_an_operator_terminates(runs: RunsFacade, spec: Make, notes: Notes, client: Client) -> None:
    record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
    await client.get_workflow_handle(run_workflow_id(record.run_id)).terminate("by an operator")
    end = await notes.ending(record.run_id)
    assert (end.event_type, end.payload["error"]["type"]) == ("run_failed", "Terminated")


async def test_an_optional_observer_that_fails_is_skipped(
    runs: RunsFacade, spec: Make, notes: Notes, serve: Serve
) -> None:
    notes.refuses = True
    async with serve(ObserverBinding(notes, name="notes")):
        record, result = await runs.create_and_wait(spec("counting", input=count_to(1)))
    (delivery,) = await runs.list_deliveries(record.run_id)
    assert result.status is RunStatus.SUCCESS
    assert (delivery.observer, delivery.delivered, delivery.failure) == ("notes", 5, "ValueError: no luck")


# Required ones.


async def test_a_required_observer_that_fails_is_told_by_temporal_until_it_takes_it(
    runs: RunsFacade, spec: Make, notes: Notes, serve: Serve, client: Client
) -> None:
    notes.refuses = True
    async with serve(ObserverBinding(notes, required=True, name="notes")):
        record, result = await runs.create_and_wait(spec("counting", input=count_to(1)))
        assert result.status is RunStatus.SUCCESS, "its outcome is its own"

        async def shown() -> bool:
            pending = (await notifying(client, record.run_id)).raw_description.pending_activities
            return any("did not take event" in one.last_failure.message for one in pending)

        await until(shown)
        notes.refuses = False
        await client.get_workflow_handle(notify_workflow_id(record.run_id)).result()
    assert notes.of(record.run_id) == ["run_started", "run_attempt_started", "run_completed"]


async def test_an_observer_that_hangs_holds_up_neither_the_run_nor_the_next_one_of_its_thread(
    runs: RunsFacade, spec: Make, notes: Notes, serve: Serve, client: Client
) -> None:
    notes.gate.clear()
    async with serve(ObserverBinding(notes, required=True, name="notes")):
        first, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
        _, second = await runs.create_and_wait(spec("counting", input=count_to(1)))
        assert second.status is RunStatus.SUCCESS
        assert notes.events == []
        assert (await notifying(client, first.run_id)).status is WorkflowExecutionStatus.RUNNING
        notes.gate.set()
        await notes.ending(first.run_id)
    assert notes.of(first.run_id) == ["run_started", "run_attempt_started", "run_completed"]


async def test_a_question_is_told_to_a_required_observer_while_the_run_waits(
    runs: RunsFacade, spec: Make, notes: Notes, serve: Serve, client: Client
) -> None:
    """No activity of the run comes by as long as nobody answers, and nobody can who is not told."""
    notes.refuses = True
    async with serve(ObserverBinding(notes, required=True, name="notes")):
        record, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
        await until(lambda: _exists(client, record.run_id))
        notes.refuses = False
        await until(lambda: "run_awaiting_input" in notes.of(record.run_id))
        waiting = await runs.get_run(record.run_id)
        assert waiting is not None
        assert waiting.status is RunStatus.AWAITING_INPUT
        await runs.cancel(record.run_id)


async def _exists(client: Client, run_id: str) -> bool:
    try:
        await notifying(client, run_id)
    except Exception:  # noqa: BLE001 - not yet
        return False
    return True


async def test_a_run_that_was_deleted_is_told_no_more(
    runs: RunsFacade, spec: Make, notes: Notes, serve: Serve, client: Client
) -> None:
    notes.refuses = True
    async with serve(ObserverBinding(notes, required=True, name="notes")):
        record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
        await until(lambda: _exists(client, record.run_id))
        await runs.delete_run(record.run_id)
        await client.get_workflow_handle(notify_workflow_id(record.run_id)).result()
    assert notes.events == []


async def test_without_observers_nothing_is_delivered(runs: RunsFacade, spec: Make, serve: Serve) -> None:
    async with serve():
        record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
        assert await runs.list_deliveries(record.run_id) == []


@pytest.mark.parametrize("wrong", [5, Notes, "notes"])
def test_what_is_no_observer_is_refused_before_anything_starts(settings: Settings, wrong: Any) -> None:
    with pytest.raises(TypeError):
        Worker(graphs={}, settings=settings, observers=[wrong])
