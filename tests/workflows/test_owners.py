"""Two users who meet in one thread: it belongs to one of them, and the other one finds nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from support.graphs import count_to

import perdure
from perdure import (
    InvalidRunError,
    RunsFacade,
    RunSpec,
    Settings,
    ThreadNotFoundError,
    WaitResult,
    Worker,
    bind_actor,
)

Spec = Callable[..., RunSpec]


async def _say(runs: RunsFacade, spec: RunSpec, user: str) -> WaitResult | ThreadNotFoundError:
    with bind_actor(user):
        try:
            return (await runs.create_and_wait(spec))[1]
        except ThreadNotFoundError as exc:
            assert isinstance(exc, InvalidRunError)
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
