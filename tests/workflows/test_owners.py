"""Two users who meet in one thread: it belongs to one of them, and the other one finds nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from support.graphs import count_to
from support.rows import thread_rows
from support.servers import until
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

import perdure
from perdure import (
    InvalidRunError,
    RunsFacade,
    RunSpec,
    Settings,
    ThreadNotFoundError,
    ThreadTakenError,
    WaitResult,
    Worker,
    bind_actor,
)
from perdure.activities.graphs.state_updates import States
from perdure.contracts.wire import thread_workflow_id
from perdure.facade.states import GraphStates
from perdure.runtime.states import LazyStates
from perdure.store import SqlStore
from perdure.store.threads import SqlThreads

Spec = Callable[..., RunSpec]


async def _say(runs: RunsFacade, spec: RunSpec, user: str) -> WaitResult | ThreadTakenError:
    with bind_actor(user):
        try:
            return (await runs.create_and_wait(spec))[1]
        except ThreadTakenError as exc:
            return exc


async def test_two_submit_at_once_to_a_new_thread(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec
) -> None:
    async with perdure.connect(settings=settings) as others:
        for number in range(6):
            mine, theirs = (
                spec("counting", f"new-{number}", input={**count_to(2), "log": [user]}) for user in ("ann", "bob")
            )
            said = await asyncio.gather(_say(runs, mine, "ann"), _say(others, theirs, "bob"))
            assert sorted(isinstance(one, WaitResult) for one in said) == [False, True]
            owner, other = ("ann", "bob") if isinstance(said[0], WaitResult) else ("bob", "ann")
            values = [one.values for one in said if isinstance(one, WaitResult)]
            assert values == [{"log": [owner, 1], "steps": 2, "delay": 0.0}], "nothing of the other's is in it"
            await _finds_nothing(others, mine.scope.thread_id or "", other)
            with bind_actor(owner):
                assert len(await runs.list_runs(mine.scope.thread_id)) == 1


async def _finds_nothing(runs: RunsFacade, thread_id: str, user: str) -> None:
    with bind_actor(user):
        assert await runs.get_thread(thread_id) is None
        assert await runs.list_runs(thread_id) == []
        assert await runs.list_events(thread_id=thread_id) == []
        assert not await runs.delete_thread(thread_id)
        for call in (runs.get_state, runs.history):
            with pytest.raises(ThreadNotFoundError):
                await call(thread_id)
        with pytest.raises(ThreadNotFoundError):
            await runs.update_state(thread_id, {"log": ["mine"]})


async def test_a_refused_submission_claims_nothing(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    with bind_actor("ann"):
        record, _ = await runs.create_and_wait(spec("counting", "hers", input=count_to(1)))
        await runs.delete_run(record.run_id)
        with pytest.raises(InvalidRunError, match="deleted"):
            await runs.create_background(spec("counting", input=count_to(1), run_id=record.run_id))
    assert isinstance(await _say(runs, spec("counting", input=count_to(1)), "bob"), WaitResult)


CALLS: dict[str, tuple[type[Any], str, Callable[[RunsFacade, str], Awaitable[Any]]]] = {
    "a change": (SqlThreads, "put_update", lambda runs, thread: runs.update_state(thread, {"log": ["late"]})),
    "a removal": (SqlStore, "line", lambda runs, thread: runs.delete_thread(thread)),
    "a look": (GraphStates, "snapshot", lambda runs, thread: runs.get_state(thread)),
    "a look at the past": (GraphStates, "history", lambda runs, thread: runs.history(thread)),
    "a look without graph": (LazyStates, "snapshot", lambda runs, thread: runs.get_state(thread, stored=True)),
}
"""Each with what it does after it has looked whose thread it is."""


@pytest.mark.parametrize("name", CALLS)
async def test_what_comes_late_finds_nothing_of_the_next_owners(
    runs: RunsFacade, worker: Worker, spec: Spec, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    where, method, call = CALLS[name]
    asked = spec("asking", input={"log": []})
    with bind_actor("ann"):
        await runs.create_and_wait(spec("counting", input=count_to(1)))
    looked, go_on = _stopping_at(monkeypatch, where, method)
    with bind_actor("ann"):
        late = asyncio.create_task(_outcome(call(runs, asked.scope.thread_id or "")))
    await looked.wait()
    assert await runs.delete_thread(asked.scope.thread_id or "")
    with bind_actor("bob"):
        record, _ = await runs.create_and_wait(asked)
        go_on.set()
        assert await late in (False, ThreadNotFoundError)
        await runs.resume(record.run_id, "Bob")
        assert [one.value for one in (await runs.join_wait(record.run_id)).interrupts] == ["age?"], "it goes on"


def _stopping_at(monkeypatch: pytest.MonkeyPatch, where: type[Any], method: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Stop the first call of a method: set when it is there, and to be set to let it go on."""
    there, go_on, go = asyncio.Event(), asyncio.Event(), getattr(where, method)

    async def stopped(*args: Any, **kwargs: Any) -> Any:
        if not there.is_set():
            there.set()
            await go_on.wait()
        return await go(*args, **kwargs)

    monkeypatch.setattr(where, method, stopped)
    return there, go_on


async def _outcome(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except ThreadNotFoundError:
        return ThreadNotFoundError


async def test_a_change_that_waits_for_the_removal_of_its_thread(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    removing, go_on = _stopping_at(monkeypatch, SqlThreads, "delete")
    removal = asyncio.create_task(runs.delete_thread(record.thread_id))
    await removing.wait()
    before = await _calls(settings, record.thread_id)
    change = asyncio.create_task(_outcome(runs.update_state(record.thread_id, {"log": ["late"]})))
    await until(lambda: _taken(settings, record.thread_id, before + 1))
    go_on.set()
    assert await removal
    assert await change is ThreadNotFoundError
    assert thread_rows(settings, record.thread_id) == {}


async def test_a_thread_is_removed_after_a_change_under_way(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    changing, go_on = _stopping_at(monkeypatch, States, "change")
    change = asyncio.create_task(_outcome(runs.update_state(record.thread_id, {"log": ["mine"]})))
    await changing.wait()
    before = await _calls(settings, record.thread_id)
    removing, remove = _stopping_at(monkeypatch, SqlThreads, "delete")
    removals = [asyncio.create_task(runs.delete_thread(record.thread_id)) for _ in range(2)]
    await until(lambda: _taken(settings, record.thread_id, before + 2))
    with suppress(TimeoutError):  # it would have removed the state by now, and not yet the record
        await asyncio.wait_for(removing.wait(), 1.0)
    go_on.set()
    await change
    remove.set()
    assert await asyncio.gather(*removals) == [True, True]
    assert thread_rows(settings, record.thread_id) == {}
    assert await runs.get_thread(record.thread_id) is None


async def _taken(settings: Settings, thread_id: str, calls: int) -> bool:
    return await _calls(settings, thread_id) == calls


async def _calls(settings: Settings, thread_id: str) -> int:
    """How many calls the thread's workflow has taken."""
    client = await Client.connect(settings.temporal.address or "")
    history = await client.get_workflow_handle(thread_workflow_id(thread_id)).fetch_history()
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    return sum(event.event_type == accepted for event in history.events)
