"""`cancel`: at once, from everywhere, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from support.graphs import Stubborn, count_to
from support.streams import under_way

from perdure import (
    CancelAction,
    InvalidRunError,
    RunNotFoundError,
    RunsFacade,
    RunSpec,
    RunStatus,
    Settings,
    StreamEvent,
    Worker,
)
from perdure.contracts.types import TERMINAL_EVENTS

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]


async def _assert_interrupted(runs: RunsFacade, run_id: str, events: list[StreamEvent]) -> None:
    assert [event.event for event in events if event.event in TERMINAL_EVENTS] == ["cancel"]
    assert events[-1].data["status"] == "interrupted"
    record = await runs.get_run(run_id)
    assert record is not None
    assert (record.status, record.cancel_action) == (RunStatus.INTERRUPTED, CancelAction.INTERRUPT)
    result = await runs.join_wait(run_id)
    assert result.status is RunStatus.INTERRUPTED
    assert result.values["log"], "what the run had done is kept"


async def test_by_a_plain_json_signal(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    run_id, events = await under_way(runs, spec("counting", input=count_to(1000, 0.05)))
    await cli("signal", "--workflow-id", f"run-{run_id}", "--name", "cancel", "--input", '{"action": "interrupt"}')
    await _assert_interrupted(runs, run_id, await events)


async def test_by_temporals_own_cancel(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    run_id, events = await under_way(runs, spec("counting", input=count_to(1000, 0.05)))
    await cli("cancel", "--workflow-id", f"run-{run_id}")
    await _assert_interrupted(runs, run_id, await events)


async def test_through_the_facade_and_again_after_the_end(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    run_id, events = await under_way(runs, spec("counting", input=count_to(1000, 0.05)))
    assert await runs.cancel(run_id)
    await _assert_interrupted(runs, run_id, await events)
    assert not await runs.cancel(run_id)


async def test_a_superstep_that_takes_long_is_cut(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record = await runs.create_background(spec("counting", input=count_to(2, 60)))
    await _until_status(runs, record.run_id, RunStatus.RUNNING)
    assert await runs.cancel(record.run_id)
    assert (await runs.join_wait(record.run_id)).status is RunStatus.INTERRUPTED


async def test_a_tool_that_ignores_it_does_not_hold_the_run(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    stubborn = Stubborn()
    async with Worker(graphs={"stubborn": stubborn.graph()}, settings=settings):
        record = await runs.create_background(spec("stubborn", input={"log": []}))
        await asyncio.to_thread(stubborn.entered.wait, 10)
        await runs.cancel(record.run_id)
        result = await runs.join_wait(record.run_id)
        assert result.status is RunStatus.INTERRUPTED
        stubborn.release.set()
        await asyncio.to_thread(stubborn.left.wait, 10)
        events = [event async for event in await runs.join_stream(record.run_id)]
        assert events[-1].event == "cancel"
        assert (await runs.join_wait(record.run_id)).values == {"log": []}, "the straggler has written nothing"


async def test_a_queued_run_never_starts(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    first, _ = await under_way(runs, spec("counting", input=count_to(1000, 0.05)))
    queued = await runs.create_background(spec("counting", input=count_to(1)))
    assert queued.status is RunStatus.PENDING
    await runs.cancel(queued.run_id)
    assert (await runs.join_wait(queued.run_id)).status is RunStatus.INTERRUPTED
    record = await runs.get_run(queued.run_id)
    assert record is not None
    assert (record.started_at, record.steps, record.attempt) == (None, 0, 0)
    await runs.cancel(first)
    await runs.join_wait(first)


async def test_what_cannot_be_cancelled(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    with pytest.raises(RunNotFoundError, match="no run 'unknown'"):
        await runs.cancel("unknown")
    with pytest.raises(InvalidRunError, match=r"unknown cancel action 'interupt' .did you mean 'interrupt'"):
        await runs.cancel("unknown", action="interupt")
    with pytest.raises(RunNotFoundError, match="no run 'unknown'"):
        await runs.cancel("unknown", action="rollback")


async def _until_status(runs: RunsFacade, run_id: str, status: RunStatus) -> None:
    async for _ in await runs.join_stream(run_id):
        record = await runs.get_run(run_id)
        if record is not None and record.status is status:
            return
