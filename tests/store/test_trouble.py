"""The trouble of a run: it grows with each setback, begins anew after progress, and goes when the run gets on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from perdure import RunSpec, RunStatus
from perdure.contracts.types import RunError
from perdure.store import RunEnding, SqlStore
from perdure.store.note_contract import Setback

from .conftest import Make


def _setback(kind: str, position: str | None, times: int = 1) -> Setback:
    error = RunError(type="WorkerLostError" if kind == "lost" else "SliceFailed", message=kind)
    return Setback(error, lost=kind == "lost", position=position, times=times)


@pytest.mark.parametrize(
    ("setbacks", "count", "lost"),
    [
        ([("lost", "a")], 1, 1),
        ([("lost", "a"), ("lost", "a")], 2, 2),
        ([("lost", "a"), ("lost", "b")], 1, 1),
        ([("lost", "a"), ("away", "a"), ("lost", "a")], 3, 2),
        ([("away", "a"), ("away", "a")], 2, 0),
        ([("lost", "a"), ("lost", None), ("lost", "a")], 3, 3),
        ([("lost", "a"), ("lost", None), ("lost", "b")], 1, 1),
        ([("away", "a"), ("away", "a", 7)], 7, 0),
    ],
    ids=str,
)
async def test_it_counts_what_came_in_a_row(
    store: SqlStore, make_record: Make, spec: RunSpec, setbacks: list[Any], count: int, lost: int
) -> None:
    await store.create(make_record(), spec)
    record = await store.mark_running("run", fence=1, attempt=1)
    assert record.trouble is None
    troubles = []
    for number, setback in enumerate(setbacks, 2):
        record = await store.mark_running("run", fence=number, attempt=number, setback=_setback(*setback))
        assert record.trouble is not None
        troubles.append(record.trouble)
    assert (troubles[-1].count, troubles[-1].lost, troubles[-1].message) == (count, lost, setbacks[-1][0])
    if count == len(setbacks):
        assert troubles[-1].since == troubles[0].since


async def test_who_waited_for_its_turn_is_not_to_blame(store: SqlStore, make_record: Make, spec: RunSpec) -> None:
    await store.create(make_record(), spec)
    found = list[tuple[int, bool]]()
    for fence, turn in enumerate((False, False, True, False, False), 2):
        setback = replace(_setback("lost", "a"), waits_from=2)
        trouble = (await store.mark_running("run", fence=fence, attempt=fence, setback=setback)).trouble
        assert trouble is not None
        found.append((trouble.lost, trouble.waiting))
        if turn:
            await store.begin_turn("run", fence=fence - 1)  # of a worker that was taken for dead
            await store.begin_turn("run", fence=fence)
    assert found == [(1, False), (2, True), (2, True), (3, True), (3, True)]
    await store.begin_turn("nobody", fence=1)


async def test_it_goes_when_the_run_gets_on(store: SqlStore, make_record: Make, spec: RunSpec) -> None:
    await store.create(make_record(), spec)
    await store.mark_running("run", fence=2, attempt=2, setback=_setback("lost", "a"))
    await store.clear_trouble("run", fence=1)
    assert await _trouble(store) is not None
    await store.clear_trouble("run", fence=2)
    assert await _trouble(store) is None
    await store.mark_running("run", fence=3, attempt=3, setback=_setback("lost", "a"))
    await store.mark_running("run", fence=4, attempt=4)
    assert await _trouble(store) is None
    await store.clear_trouble("nobody", fence=1)


async def test_a_run_at_rest_has_none(store: SqlStore, make_record: Make, spec: RunSpec) -> None:
    await store.create(make_record(), spec)
    await store.mark_running("run", fence=2, attempt=2, setback=_setback("lost", "a"))
    await store.mark_awaiting("run", fence=2, steps=1, interrupts=(), values=None)
    assert await _trouble(store) is None
    await store.mark_running("run", fence=3, attempt=3, setback=_setback("away", "a"))
    await store.finish("run", RunEnding(RunStatus.SUCCESS, steps=1), fence=3)
    assert await _trouble(store) is None


async def _trouble(store: SqlStore) -> object:
    stored = await store.get("run")
    assert stored is not None
    return stored.record.trouble
