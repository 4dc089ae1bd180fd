"""`after_seconds` and `follow_up_to_run_id`: when a run starts, and what it comes after."""

from __future__ import annotations

from collections.abc import Callable

from support.graphs import count_to

from perdure import RunRecord, RunsFacade, RunSpec, RunStatus, Worker

Spec = Callable[..., RunSpec]


async def _waited(runs: RunsFacade, record: RunRecord) -> float:
    """Seconds between submission and start of a run that has ended well."""
    assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.started_at is not None
    return (found.started_at - found.created_at).total_seconds()


async def test_the_wait_counts_from_the_submission(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    first = await runs.create_background(spec("counting", input=count_to(1000, 0.05)))
    delayed = await runs.create_background(spec("counting", input=count_to(1), after_seconds=1.5))
    stream = await runs.join_stream(first.run_id, heartbeat_interval=0.05)
    async for event in stream:
        if event.event == "values" and len(event.data["log"]) > 15:
            break
    await runs.cancel(first.run_id)
    assert 1.5 <= await _waited(runs, delayed) < 10


async def test_the_turn_may_come_later_than_the_wait(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    first = await runs.create_background(spec("counting", input=count_to(30, 0.05)))
    delayed = await runs.create_background(spec("counting", input=count_to(1), after_seconds=0.1))
    assert await _waited(runs, delayed) > 1
    ended, started = await runs.get_run(first.run_id), await runs.get_run(delayed.run_id)
    assert ended is not None
    assert started is not None
    assert ended.ended_at is not None
    assert started.started_at is not None
    assert ended.ended_at <= started.started_at


async def test_it_can_be_cancelled_before_its_start(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    delayed = await runs.create_background(spec("counting", input=count_to(1), after_seconds=600))
    assert await runs.cancel(delayed.run_id)
    assert (await runs.join_wait(delayed.run_id)).status is RunStatus.INTERRUPTED
    found = await runs.get_run(delayed.run_id)
    assert found is not None
    assert (found.started_at, found.attempt) == (None, 0)


async def test_a_follow_up_names_its_run(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    first, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    record, _ = await runs.create_and_wait(
        spec("counting", "other", input=count_to(1), follow_up_to_run_id=first.run_id)
    )
    found = await runs.get_run(record.run_id)
    assert found is not None
    assert found.follow_up_to_run_id == first.run_id
