"""Threads: what is known of them, their state, and a change of it from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from support.graphs import count_to

from perdure import (
    InvalidRunError,
    RunsFacade,
    RunSpec,
    RunStatus,
    ThreadBusyError,
    ThreadNotFoundError,
    ThreadStatus,
    Worker,
)

Spec = Callable[..., RunSpec]


async def _status(runs: RunsFacade, thread_id: str) -> ThreadStatus:
    thread = await runs.get_thread(thread_id)
    assert thread is not None
    return thread.status


async def test_a_thread_is_what_its_runs_make_of_it(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    thread_id = spec("asking").scope.thread_id or ""
    assert await runs.get_thread(thread_id) is None
    record = await runs.create_background(spec("counting", input=count_to(1000, 0.05), metadata={"a": 1, "b": 1}))
    assert await _status(runs, thread_id) is ThreadStatus.RUNNING
    async for event in await runs.join_stream(record.run_id):
        if event.event == "values":  # cancelled in line, it would leave its thread as it was
            break
    await runs.cancel(record.run_id)
    await runs.join_wait(record.run_id)
    assert await _status(runs, thread_id) is ThreadStatus.INTERRUPTED
    asked, _ = await runs.create_and_wait(spec("asking", input={"log": []}, metadata={"b": 2}))
    assert await _status(runs, thread_id) is ThreadStatus.AWAITING_INPUT
    await runs.cancel(asked.run_id)
    await runs.create_and_wait(spec("failing", input={"log": []}))
    assert await _status(runs, thread_id) is ThreadStatus.ERROR
    await runs.create_and_wait(spec("counting", input=count_to(1)))
    assert await _status(runs, thread_id) is ThreadStatus.IDLE
    thread = await runs.get_thread(thread_id)
    assert thread is not None
    assert (thread.metadata, thread.assistant_id) == ({"a": 1, "b": 2}, "counting")


async def test_threads_are_listed_and_found(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    for name, kind in (("one", "x"), ("two", "y"), ("three", "x")):
        await runs.create_and_wait(spec("counting", name, input=count_to(1), metadata={"kind": kind, "deep": {"a": 1}}))
    names = [thread.thread_id.partition("-")[0] for thread in await runs.list_threads()]
    assert names == ["three", "two", "one"]
    found = await runs.list_threads(metadata={"kind": "x"}, status="idle")
    assert [thread.thread_id.partition("-")[0] for thread in found] == ["three", "one"]
    rest = await runs.list_threads(before=found[0].thread_id, limit=1)
    assert [thread.thread_id.partition("-")[0] for thread in rest] == ["two"]
    assert await runs.list_threads(status="error") == []
    with pytest.raises(InvalidRunError, match="did you mean 'idle'"):
        await runs.list_threads(status="idl")
    with pytest.raises(InvalidRunError, match="metadata"):
        await runs.list_threads(metadata={"deep": {"a": 1}})
    with pytest.raises(ThreadNotFoundError):
        await runs.list_threads(before="unknown")


async def test_a_refused_submission_makes_no_thread(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    with pytest.raises(InvalidRunError):
        await runs.create_background(spec("countin", input=count_to(1)))
    assert await runs.list_threads() == []


async def test_a_deleted_thread_is_gone(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    await runs.delete_thread(record.thread_id)
    assert await runs.get_thread(record.thread_id) is None
    for call in (runs.get_state, runs.history):
        with pytest.raises(ThreadNotFoundError):
            await call(record.thread_id)


async def test_state_and_history(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, result = await runs.create_and_wait(spec("asking", input={"log": []}))
    state = await runs.get_state(record.thread_id)
    assert state is not None
    assert (state.values, state.next) == ({"log": []}, ("ask",))
    assert [question.id for question in state.interrupts] == [question.id for question in result.interrupts]
    await runs.resume(record.run_id, "Ann")
    await runs.join_wait(record.run_id)
    await runs.resume(record.run_id, 42)
    await runs.join_wait(record.run_id)
    states = await runs.history(record.thread_id)
    assert [one.values.get("log") for one in states] == [["Ann", 42, "after"], ["Ann", 42], [], []]
    assert [one.next for one in states] == [(), ("after",), ("ask",), ("__start__",)]
    assert states[0].parent_checkpoint_id == states[1].checkpoint_id
    assert await runs.get_state(record.thread_id, states[1].checkpoint_id) == states[1]
    page = await runs.history(record.thread_id, limit=1, before=states[0].checkpoint_id)
    assert page == states[1:2]


async def test_a_change_from_outside(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(2)))
    state = await runs.update_state(record.thread_id, {"log": ["mine"], "steps": 4})
    assert state is not None
    assert state.values["log"] == [0, 1, "mine"]
    _, result = await runs.create_and_wait(spec("counting", input=count_to(4)))
    assert result.values["log"] == [0, 1, "mine", 3]


async def test_a_change_is_refused_while_a_run_is_in_flight(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    with pytest.raises(ThreadBusyError) as caught:
        await runs.update_state(record.thread_id, {"log": ["mine"]})
    assert caught.value.run_id == record.run_id
    await runs.cancel(record.run_id)
    await runs.join_wait(record.run_id)


async def test_what_the_graph_does_not_take(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    for wrong in ({"as_node": "nobody"}, {"checkpoint_id": "unknown"}):
        with pytest.raises(InvalidRunError):
            await runs.update_state(record.thread_id, {"log": ["mine"]}, **wrong)
    with pytest.raises(ThreadNotFoundError):
        await runs.update_state("unknown", {"log": []})
    _, result = await runs.create_and_wait(spec("counting", input=count_to(2)))
    assert result.status is RunStatus.SUCCESS, "the thread is as good as before"


async def _changed(runs: RunsFacade, thread_id: str, number: int) -> bool:
    """Whether a change was taken; it may be refused for a run in flight."""
    try:
        await runs.update_state(thread_id, {"log": [f"mine-{number}"]})
    except ThreadBusyError:
        return False
    return True


async def _mine(runs: RunsFacade, thread_id: str) -> list[str]:
    state = await runs.get_state(thread_id)
    assert state is not None
    return sorted(one for one in state.values["log"] if str(one).startswith("mine"))


async def test_of_many_changes_at_once_none_is_lost(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    done = await asyncio.gather(*(_changed(runs, record.thread_id, number) for number in range(8)))
    assert all(done), "no run was in flight"
    assert await _mine(runs, record.thread_id) == [f"mine-{number}" for number in range(8)]


async def test_changes_and_runs_come_one_after_the_other(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))

    async def run() -> None:
        _, result = await runs.create_and_wait(spec("counting", input={"log": ["run"], "steps": 0, "delay": 0.0}))
        assert result.status is RunStatus.SUCCESS

    changes = [asyncio.create_task(_changed(runs, record.thread_id, number)) for number in range(4)]
    # The first ones are in the thread's hands, so that some are taken, and runs are submitted meanwhile.
    await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
    changes += [asyncio.create_task(_changed(runs, record.thread_id, number)) for number in range(4, 8)]
    await asyncio.gather(*(run() for _ in range(3)))
    taken = [f"mine-{number}" for number, done in enumerate(await asyncio.gather(*changes)) if done]
    assert taken, "a test of nothing"
    assert await _mine(runs, record.thread_id) == taken
    state = await runs.get_state(record.thread_id)
    assert state is not None
    assert state.values["log"].count("run") == 3
