"""A run that cannot be admitted harms none of those that it would have ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.graphs import Shelf
from support.overlap import Overlap, in_full
from support.servers import until

from perdure import (
    InvalidRunError,
    MultitaskStrategy,
    RunRecord,
    RunsFacade,
    RunSpec,
    RunStatus,
    ThreadBusyError,
    UnknownGraphError,
)

Spec = Callable[..., RunSpec]
NEW: Shelf = {"log": []}
HELD: dict[str, Any] = {"configurable": {"cleanup": 60.0}}
ENDING = (MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK)
"""The strategies that end the runs in flight."""


async def _under_way(runs: RunsFacade, overlap: Overlap, spec: Spec) -> RunRecord:
    """A run that stays in its graph until it is let go."""
    record = await runs.create_background(spec("overlap", input=NEW, runnable_config=HELD))
    await until(lambda: overlap.leaving(record.thread_id))
    return record


async def _assert_unharmed(runs: RunsFacade, run_id: str, before: list[str]) -> None:
    result = await runs.join_wait(run_id)
    assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [*before, *in_full(run_id)])
    record = await runs.get_run(run_id)
    assert record is not None
    assert (record.attempt, record.cancel_action) == (1, None)


@pytest.mark.parametrize("strategy", ENDING)
async def test_the_id_of_a_deleted_run(
    runs: RunsFacade, overlap: Overlap, spec: Spec, strategy: MultitaskStrategy
) -> None:
    used, _ = await runs.create_and_wait(spec("overlap", input=NEW))
    assert await runs.delete_run(used.run_id)
    old = await _under_way(runs, overlap, spec)
    queued = await runs.create_background(spec("overlap", input=NEW))
    with pytest.raises(InvalidRunError, match="stood for a deleted run"):
        await runs.create_background(spec("overlap", input=NEW, run_id=used.run_id, multitask_strategy=strategy))
    overlap.let_go.set()
    await _assert_unharmed(runs, old.run_id, in_full(used.run_id))
    await _assert_unharmed(runs, queued.run_id, in_full(used.run_id, old.run_id))


@pytest.mark.parametrize("strategy", ENDING)
@pytest.mark.parametrize(
    ("fields", "error"),
    [({"assistant_id": "unknown"}, UnknownGraphError), ({"input": {"log": [object()]}}, InvalidRunError)],
    ids=["graph", "spec"],
)
async def test_an_unknown_graph_or_a_spec_that_cannot_be_stored(
    runs: RunsFacade,
    overlap: Overlap,
    spec: Spec,
    strategy: MultitaskStrategy,
    fields: dict[str, Any],
    error: type[InvalidRunError],
) -> None:
    old = await _under_way(runs, overlap, spec)
    wrong = spec("overlap", input=NEW, multitask_strategy=strategy)
    with pytest.raises(error):
        await runs.create_background(RunSpec.model_validate({**dict(wrong), **fields}))
    overlap.let_go.set()
    await _assert_unharmed(runs, old.run_id, [])
    assert [record.run_id for record in await runs.list_runs(old.thread_id)] == [old.run_id]


async def test_reject_behind_a_line(runs: RunsFacade, overlap: Overlap, spec: Spec) -> None:
    old = await _under_way(runs, overlap, spec)
    queued = await runs.create_background(spec("overlap", input=NEW))
    with pytest.raises(ThreadBusyError) as refused:
        await runs.create_background(spec("overlap", input=NEW, multitask_strategy="reject"))
    assert refused.value.run_id == old.run_id
    overlap.let_go.set()
    await _assert_unharmed(runs, old.run_id, [])
    await _assert_unharmed(runs, queued.run_id, in_full(old.run_id))
