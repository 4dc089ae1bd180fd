"""The runs of a thread: one at a time, in order, by the strategy of the newcomer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from support.graphs import count_to

from perdure import RunRecord, RunsFacade, RunSpec, RunStatus, ThreadBusyError, Worker

Spec = Callable[..., RunSpec]


async def _records(runs: RunsFacade, *ids: str) -> list[RunRecord]:
    found = [await runs.get_run(run_id) for run_id in ids]
    return [record for record in found if record is not None]


async def test_enqueue_is_first_in_first_out_and_never_overlaps(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    submitted = await asyncio.gather(
        *(runs.create_background(spec("counting", input=count_to(2, 0.01))) for _ in range(8))
    )
    in_order = sorted(submitted, key=lambda record: record.sequence or 0)
    assert [record.sequence for record in in_order] == list(range(1, 9))
    for record in in_order:
        assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
    ended = await _records(runs, *(record.run_id for record in in_order))
    assert len(ended) == len(in_order)
    for earlier, later in pairwise(ended):
        assert earlier.ended_at is not None
        assert later.started_at is not None
        assert earlier.ended_at <= later.started_at


async def test_reject_names_the_run_and_leaves_no_trace(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    first = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    refused = spec("counting", input=count_to(1), run_id=f"refused-{first.run_id}", multitask_strategy="reject")
    with pytest.raises(ThreadBusyError) as caught:
        await runs.create_background(refused)
    assert caught.value.run_id == first.run_id
    assert await runs.get_run(f"refused-{first.run_id}") is None
    assert [record.run_id for record in await runs.list_runs(first.thread_id)] == [first.run_id]
    await runs.cancel(first.run_id)
    await runs.join_wait(first.run_id)
    _, result = await runs.create_and_wait(refused)
    assert result.status is RunStatus.SUCCESS, "the same run id may be submitted once the thread is free"


async def test_interrupt_ends_every_run_in_flight_first(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    running = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    queued = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    record, result = await runs.create_and_wait(spec("counting", input=count_to(1), multitask_strategy="interrupt"))
    assert result.status is RunStatus.SUCCESS
    old, never, new = await _records(runs, running.run_id, queued.run_id, record.run_id)
    assert (old.status, never.status) == (RunStatus.INTERRUPTED, RunStatus.INTERRUPTED)
    assert never.started_at is None
    assert old.ended_at is not None
    assert new.started_at is not None
    assert old.ended_at <= new.started_at


async def test_the_same_run_id_is_the_same_run(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    run = spec("counting", input=count_to(3, 0.01))
    run = run.model_copy(update={"run_id": f"once-{run.scope.thread_id}"})
    records = await asyncio.gather(*(runs.create_background(run) for _ in range(5)))
    assert len({(record.run_id, record.sequence) for record in records}) == 1
    result = await runs.join_wait(records[0].run_id)
    assert result.values["log"] == [0, 1, 2]
    again = await runs.create_background(run)
    assert (again.status, again.sequence) == (RunStatus.SUCCESS, records[0].sequence)
    assert len(await runs.list_runs(again.thread_id)) == 1


async def test_threads_do_not_wait_for_each_other(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    slow = await runs.create_background(spec("counting", "slow", input=count_to(1000, 0.05)))
    _, result = await runs.create_and_wait(spec("counting", "fast", input=count_to(1)))
    assert result.status is RunStatus.SUCCESS
    await runs.cancel(slow.run_id)
    await runs.join_wait(slow.run_id)


async def test_a_stateless_run_has_a_thread_of_its_own(runs: RunsFacade, worker: Worker) -> None:
    spec = RunSpec.model_validate({"assistant_id": "counting", "scope": {"kind": "stateless"}, "input": count_to(2)})
    records = await asyncio.gather(*(runs.create_and_wait(spec) for _ in range(3)))
    assert [result.status for _, result in records] == [RunStatus.SUCCESS] * 3
    assert len({record.thread_id for record, _ in records}) == 3
