"""Workflows that continue as new while runs go: nothing is lost, nothing is doubled, nothing overlaps."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from support.graphs import count_to, counting

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.workflows import thread_workflow

SUBMISSIONS = 20


async def test_a_thread_carries_its_runs_over(
    runs: RunsFacade, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_workflow, "_MAX_SUBMISSIONS", 7)
    scope = RunScope(thread_id=f"thread-{settings.temporal.task_queue}")
    spec = RunSpec(assistant_id="counting", scope=scope, input=count_to(1, 0.01))
    async with Worker(graphs={"counting": counting()}, settings=settings):
        records = await asyncio.gather(*(runs.create_background(spec) for _ in range(SUBMISSIONS)))
        assert sorted(record.sequence or 0 for record in records) == list(range(1, SUBMISSIONS + 1))
        results = await asyncio.gather(*(runs.join_wait(record.run_id) for record in records))
    assert {result.status for result in results} == {RunStatus.SUCCESS}
    ended = [await runs.get_run(record.run_id) for record in records]
    in_order = sorted((record for record in ended if record is not None), key=lambda record: record.sequence or 0)
    assert len(in_order) == SUBMISSIONS
    for earlier, later in pairwise(in_order):
        assert earlier.ended_at is not None
        assert later.started_at is not None
        assert earlier.ended_at <= later.started_at
