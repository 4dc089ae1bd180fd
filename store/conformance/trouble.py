"""What a store promises of a run's trouble."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ...contracts.types import RunError, RunSpec, RunStatus
from ..contract import RunEnding, Store
from ..note_contract import Setback
from .making import Make


def setback_of(kind: str, position: str | None, times: int = 1) -> Setback:
    error = RunError(type="WorkerLostError" if kind == "lost" else "SliceFailed", message=kind)
    return Setback(error, lost=kind == "lost", position=position, times=times)


async def trouble_of(store: Store) -> object:
    stored = await store.get("run")
    assert stored is not None
    return stored.record.trouble


class TroublePromises:
    """The trouble of a run: it grows with each setback, begins anew after progress, and goes when the run gets on."""

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
        self, store: Store, make_record: Make, spec: RunSpec, setbacks: list[Any], count: int, lost: int
    ) -> None:
        await store.create(make_record(), spec)
        record = await store.mark_running("run", fence=1, attempt=1)
        assert record.trouble is None
        troubles = []
        for number, setback in enumerate(setbacks, 2):
            record = await store.mark_running("run", fence=number, attempt=number, setback=setback_of(*setback))
            assert record.trouble is not None
            troubles.append(record.trouble)
        assert (troubles[-1].count, troubles[-1].lost, troubles[-1].message) == (count, lost, setbacks[-1][0])
        if count == len(setbacks):
            assert troubles[-1].since == troubles[0].since

    async def test_who_waited_for_its_turn_is_not_to_blame(
        self, store: Store, make_record: Make, spec: RunSpec
    ) -> None:
        await store.create(make_record(), spec)
        found = list[tuple[int, bool]]()
        for fence, turn in enumerate((False, False, True, False, False), 2):
            setback = replace(setback_of("lost", "a"), waits_from=2)
            trouble = (await store.mark_running("run", fence=fence, attempt=fence, setback=setback)).trouble
            assert trouble is not None
            found.append((trouble.lost, trouble.waiting))
            if turn:
                await store.begin_turn("run", fence=fence - 1)  # of a worker that was taken for dead
                await store.begin_turn("run", fence=fence)
        assert found == [(1, False), (2, True), (2, True), (3, True), (3, True)]
        await store.begin_turn("nobody", fence=1)

    async def test_it_goes_when_the_run_gets_on(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        await store.create(make_record(), spec)
        await store.mark_running("run", fence=2, attempt=2, setback=setback_of("lost", "a"))
        await store.clear_trouble("run", fence=1)
        assert await trouble_of(store) is not None
        await store.clear_trouble("run", fence=2)
        assert await trouble_of(store) is None
        await store.mark_running("run", fence=3, attempt=3, setback=setback_of("lost", "a"))
        await store.mark_running("run", fence=4, attempt=4)
        assert await trouble_of(store) is None
        await store.clear_trouble("nobody", fence=1)

    async def test_a_run_at_rest_has_none(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        await store.create(make_record(), spec)
        await store.mark_running("run", fence=2, attempt=2, setback=setback_of("lost", "a"))
        await store.mark_awaiting("run", fence=2, steps=1, interrupts=(), values=None)
        assert await trouble_of(store) is None
        await store.mark_running("run", fence=3, attempt=3, setback=setback_of("away", "a"))
        await store.finish("run", RunEnding(RunStatus.SUCCESS, steps=1), fence=3)
        assert await trouble_of(store) is None
