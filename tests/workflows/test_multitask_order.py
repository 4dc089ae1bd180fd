"""First in, first out, however long the line; and each run knows its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.graphs import Gate
from support.overlap import Overlap, entry
from support.takeovers import takeovers

from perdure import RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.store import SqlStore

Spec = Callable[..., RunSpec]
LINE = 30


async def test_runs_execute_in_the_order_of_their_submission(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    overlap = Overlap()
    async with Worker(graphs={"overlap": overlap.graph("only")}, settings=settings):
        submitted = [await runs.create_background(spec("overlap", input={"log": []})) for _ in range(LINE)]
        result = await runs.join_wait(submitted[-1].run_id)
    ids, thread_id = [record.run_id for record in submitted], submitted[0].thread_id
    assert [record.sequence for record in submitted] == list(range(1, LINE + 1))
    assert overlap.order(thread_id) == ids
    assert overlap.violations(thread_id) == []
    assert result.values == {"log": [entry(run_id, "only") for run_id in ids]}
    ended = await runs.list_runs(thread_id, limit=LINE + 1)
    assert [record.status for record in ended] == [RunStatus.SUCCESS] * LINE
    assert await takeovers(settings, ended) == []


async def test_a_run_has_its_place_although_its_client_died_before_it_wrote_it_down(
    runs: RunsFacade, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was cancelled in line, and never started."""
    gate = Gate()
    made = [spec("gated", input={"log": []}, run_id=f"{name}-{settings.temporal.task_queue}") for name in "ab"]
    first, second = (str(one.run_id) for one in made)
    async with Worker(graphs={"gated": gate.graph("one", gate="one")}, settings=settings):
        with monkeypatch.context() as dying:
            dying.setattr(SqlStore, "mark_submitted", _killed)
            for one in made:
                with pytest.raises(_Killed):
                    await runs.create_background(one)
        await gate.reached.wait()
        await runs.cancel(second)
        gate.opened.set()
        await runs.join_wait(first)
        await runs.join_wait(second)
    records = [await runs.get_run(run_id) for run_id in (first, second)]
    assert [record and (record.sequence, record.status) for record in records] == [
        (1, RunStatus.SUCCESS),
        (2, RunStatus.INTERRUPTED),
    ]


class _Killed(Exception):
    """What a client does when it is killed: nothing more."""


async def _killed(store: SqlStore, run_id: str, *, sequence: int | None = None) -> None:
    raise _Killed
