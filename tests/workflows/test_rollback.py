"""`rollback`: the run is cancelled, and its thread is what it was before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from support.graphs import count_to
from support.rows import connected, thread_rows

from perdure import CancelAction, RunCommand, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.types import TERMINAL_EVENTS

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]
ROLLBACK = CancelAction.ROLLBACK


async def _under_way(runs: RunsFacade, spec: RunSpec) -> str:
    """A run that has completed a superstep."""
    record, stream = await runs.create_and_stream(spec)
    async for event in stream:
        if event.event == "values" and len(event.data["log"]) > 1:
            break
    return record.run_id


async def _assert_rolled_back(runs: RunsFacade, run_id: str) -> None:
    result = await runs.join_wait(run_id)
    assert (result.status, result.values, result.interrupts) == (RunStatus.ROLLED_BACK, None, ())
    events = [event async for event in await runs.join_stream(run_id)]
    assert [event.event for event in events if event.event in TERMINAL_EVENTS] == ["cancel"]
    assert (events[-1].data["status"], events[-1].data["cancel_action"]) == ("rolled_back", "rollback")
    record = await runs.get_run(run_id)
    assert record is not None
    assert (record.status, record.cancel_action) == (RunStatus.ROLLED_BACK, ROLLBACK)


async def test_the_thread_is_what_it_was(runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec) -> None:
    first, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))
    before = thread_rows(settings, first.thread_id)
    run_id = await _under_way(runs, spec("counting", input=count_to(1000, 0.05)))
    assert await runs.cancel(run_id, action="rollback")
    await _assert_rolled_back(runs, run_id)
    assert thread_rows(settings, first.thread_id) == before
    assert not await runs.cancel(run_id)


async def test_a_new_thread_is_empty_again(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec, cli: Cli
) -> None:
    wanted = spec("counting", input=count_to(1000, 0.05))
    run_id = await _under_way(runs, wanted)
    await cli("signal", "--workflow-id", f"run-{run_id}", "--name", "cancel", "--input", '{"action": "rollback"}')
    await _assert_rolled_back(runs, run_id)
    assert thread_rows(settings, wanted.scope.thread_id or "") == {}


async def test_an_open_question_can_be_answered_again(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec
) -> None:
    first, result = await runs.create_and_wait(spec("asking", input={"log": []}, on_interrupt="finish"))
    before = thread_rows(settings, first.thread_id)
    answer = spec("asking", command=RunCommand(resume="Ann"))
    second, asked = await runs.create_and_wait(answer)
    assert asked.interrupts[0].value == "age?"
    await runs.cancel(second.run_id, action=ROLLBACK)
    await _assert_rolled_back(runs, second.run_id)
    assert thread_rows(settings, first.thread_id) == before
    third, again = await runs.create_and_wait(answer)
    assert again.interrupts[0].value == "age?"
    await runs.resume(third.run_id, 42)
    assert (await runs.join_wait(third.run_id)).values == {"log": ["Ann", 42, "after"]}
    assert result.interrupts[0].value == "name?"


@pytest.mark.elsewhere
async def test_a_newcomer_rolls_back_every_run_in_flight(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec
) -> None:
    first, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    running = await _under_way(runs, spec("counting", input=count_to(1000, 0.05)))
    queued = await runs.create_background(spec("counting", input=count_to(1)))
    _, result = await runs.create_and_wait(spec("counting", input=count_to(2), multitask_strategy="rollback"))
    assert result.values["log"] == [0, 1], "it finds the thread as the first run has left it"
    await _assert_rolled_back(runs, running)
    await _assert_rolled_back(runs, queued.run_id)
    assert first.thread_id == queued.thread_id


async def test_the_first_action_wins(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    run_id = await _under_way(runs, spec("counting", input=count_to(1000, 0.05)))
    answers = await asyncio.gather(runs.cancel(run_id, action=ROLLBACK), runs.cancel(run_id))
    assert True in answers
    record = await runs.get_run(run_id)
    await runs.join_wait(run_id)
    record = await runs.get_run(run_id)
    assert record is not None
    expected = RunStatus.ROLLED_BACK if record.cancel_action is ROLLBACK else RunStatus.INTERRUPTED
    assert record.status is expected


@pytest.mark.elsewhere
async def test_without_its_note_the_thread_is_left_as_it_is(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec
) -> None:
    wanted = spec("asking", input={"log": []})
    record, _ = await runs.create_and_wait(wanted)
    _forget_the_note(settings)
    before = thread_rows(settings, record.thread_id)
    await runs.cancel(record.run_id, action=ROLLBACK)
    result = await runs.join_wait(record.run_id)
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert (result.error.type, record.run_id in result.error.message) == ("RollbackError", True)
    assert thread_rows(settings, record.thread_id) == before


def _forget_the_note(settings: Settings) -> None:
    with connected(settings.checkpointer_url) as connection:
        connection.execute("UPDATE perdure_runs SET note = NULL")
