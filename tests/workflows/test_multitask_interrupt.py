"""`interrupt`: the run stops at its next superstep boundary and keeps everything; where it waits, it ends at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.overlap import NODES, Overlap, entry
from support.servers import until

from perdure import CancelAction, RunRecord, RunsFacade, RunSpec, RunStatus, Settings
from perdure.contracts.settings import WorkerSettings

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]
FOR_EVER = 60.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A worker that stops without waiting for the runs that it leaves behind."""
    return settings.model_copy(update={"worker": WorkerSettings(graceful_shutdown=0.1)})


async def _executing(runs: RunsFacade, spec: Spec, overlap: Overlap, pace: float, **fields: Any) -> RunRecord:
    config = {"configurable": {"pace": pace}}
    record = await runs.create_background(spec("overlap", input={"log": []}, runnable_config=config, **fields))
    await until(lambda: record.run_id in overlap.order(record.thread_id))
    return record


async def _assert_interrupted(runs: RunsFacade, run_id: str) -> RunRecord:
    events = [event async for event in await runs.join_stream(run_id)]
    record = await runs.get_run(run_id)
    assert record is not None
    assert (record.status, record.cancel_action) == (RunStatus.INTERRUPTED, CancelAction.INTERRUPT)
    assert (events[-1].event, events[-1].data["status"]) == ("cancel", "interrupted")
    return record


@pytest.mark.elsewhere
async def test_the_superstep_ends_and_all_is_kept(runs: RunsFacade, overlap: Overlap, spec: Spec) -> None:
    record = await _executing(runs, spec, overlap, 0.7)
    assert await runs.interrupt(record.run_id)
    ended = await _assert_interrupted(runs, record.run_id)
    done = [entry(record.run_id, node) for node in NODES[: ended.steps]]
    assert 0 < ended.steps < len(NODES)
    assert (await runs.join_wait(record.run_id)).values == {"log": done}
    assert not await runs.interrupt(record.run_id)
    again, result = await runs.create_and_wait(spec("overlap", input=None))
    rest = [entry(again.run_id, node) for node in NODES[ended.steps :]]
    assert result.values == {"log": [*done, *rest]}, "a later run goes on from there"


async def test_a_queued_run_never_starts(runs: RunsFacade, overlap: Overlap, spec: Spec) -> None:
    first = await _executing(runs, spec, overlap, FOR_EVER)
    queued = await runs.create_background(spec("overlap", input={"log": []}))
    assert await runs.interrupt(queued.run_id)
    assert (await _assert_interrupted(runs, queued.run_id)).started_at is None
    assert overlap.order(first.thread_id) == [first.run_id]


async def test_a_run_that_waits_for_an_answer(runs: RunsFacade, overlap: Overlap, spec: Spec, cli: Cli) -> None:
    record, result = await runs.create_and_wait(spec("asking", input={"log": []}))
    assert result.status is RunStatus.AWAITING_INPUT
    await cli("signal", "--workflow-id", f"run-{record.run_id}", "--name", "interrupt")
    await _assert_interrupted(runs, record.run_id)


async def test_a_cancel_after_it_does_not_wait_for_the_boundary(runs: RunsFacade, overlap: Overlap, spec: Spec) -> None:
    record = await _executing(runs, spec, overlap, FOR_EVER)
    assert await runs.interrupt(record.run_id)
    assert await runs.cancel(record.run_id, action="rollback")
    events = [event async for event in await runs.join_stream(record.run_id)]
    assert events[-1].data["status"] == RunStatus.ROLLED_BACK
