"""Many threads on a worker with few slots: a cancel does not wait for the others' work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from support.overlap import Overlap
from support.servers import until

from perdure import RunRecord, RunsFacade, RunSpec, RunStatus, Settings
from perdure.contracts.settings import WorkerSettings

Spec = Callable[..., RunSpec]
THREADS = 50
SLOTS = 3
FOR_EVER = 60.0
AT_ONCE = 5.0
"""Seconds, of which a busy machine may need some."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"worker": WorkerSettings(max_concurrent_activities=SLOTS, graceful_shutdown=0.1)}
    )


async def _crowd(runs: RunsFacade, spec: Spec, overlap: Overlap) -> tuple[list[RunRecord], list[RunRecord]]:
    """Those that hold the slots, for ever, and those that wait for one."""
    config = {"configurable": {"pace": FOR_EVER}}
    specs = [
        spec("overlap", f"thread-{number}", input={"log": []}, runnable_config=config) for number in range(THREADS)
    ]
    records = await asyncio.gather(*(runs.create_background(one) for one in specs))
    await until(lambda: sum(overlap.inside(record.thread_id) is not None for record in records) == SLOTS)
    holding = [record for record in records if overlap.inside(record.thread_id)]
    return holding, [record for record in records if record not in holding]


async def test_a_cancelled_run_stops_at_once_and_leaves_its_slot(
    runs: RunsFacade, spec: Spec, overlap: Overlap
) -> None:
    holding, waiting = await _crowd(runs, spec, overlap)
    assert await runs.cancel(holding[0].run_id)
    await until(lambda: overlap.inside(holding[0].thread_id) is None, limit=AT_ONCE)
    await until(lambda: any(overlap.inside(record.thread_id) for record in waiting), limit=AT_ONCE)
    last = [record for record in waiting if overlap.inside(record.thread_id) is None][-1]
    assert await runs.cancel(last.run_id)
    assert overlap.order(last.thread_id) == []


async def test_a_cancelled_run_ends_although_all_slots_are_taken(
    runs: RunsFacade, spec: Spec, overlap: Overlap
) -> None:
    holding, waiting = await _crowd(runs, spec, overlap)
    cancelled = [holding[0].run_id, waiting[-1].run_id]
    assert await asyncio.gather(*(runs.cancel(run_id) for run_id in cancelled)) == [True, True]
    async with asyncio.timeout(AT_ONCE):
        results = await asyncio.gather(*(runs.join_wait(run_id) for run_id in cancelled))
    assert [result.status for result in results] == [RunStatus.INTERRUPTED] * 2
