"""The events of a run that is cut off anywhere: those of one that was not, and in the same order."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.rows_of_events import difference, plain
from support.sampling import some

from perdure.contracts.types import RunRecord
from perdure.store import SqlStore

from ..driving import BackEnds, Fuse, gathered, spread
from .recorded import RecordedRun, recorded

IN_ONE_LINE = ("simple", "subagent", "forgetful", "nested")
"""Agents without parallel branches, whose events have one order."""
ENDLESS = 1000.0
AT_ONCE = 6
MOST_CUTS = 6
"""For each agent, spread over its writes. (All of them take a minute.)"""


@pytest.fixture(scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SqlStore]:
    store = SqlStore(f"sqlite:///{Path(tmp_path_factory.mktemp('store')) / 'store.db'}")
    await store.start()
    yield store
    await store.close()


Outcome = tuple[RecordedRun, RunRecord]


async def outcome(ends: BackEnds, store: SqlStore, name: str, **how: Any) -> Outcome:
    run = await recorded(ends, store, name, **how)
    return run, await run.finished()


async def compared(found: Outcome, uncut: Outcome, *, in_order: bool) -> list[str]:
    """What is wrong with a run."""
    rows, expected = await found[0].rows(), await uncut[0].rows()
    wrong = difference(rows, expected)
    if not wrong and in_order and plain(rows) != plain(expected):
        wrong.append(f"out of order: {[row.event_type for row in rows]}")
    if found[1].usage != uncut[1].usage:
        wrong.append(f"usage: {found[1].usage}")
    return wrong


@pytest.mark.parametrize("name", ["simple", "subagent", "forgetful", "branches", "nested", "asking"])
async def test_slices_change_nothing(ends: BackEnds, store: SqlStore, name: str) -> None:
    whole = await outcome(ends, store, name, budget=ENDLESS)
    sliced = await outcome(ends, store, name)
    assert len(await whole[0].rows()) > 10
    assert await compared(sliced, whole, in_order=name in IN_ONE_LINE) == []


@pytest.mark.parametrize("name", ["simple", "subagent", "forgetful", "branches", "nested", "asking"])
async def test_a_cut_before_any_durable_write(ends: BackEnds, store: SqlStore, name: str) -> None:
    fuse = Fuse()
    uncut = await outcome(ends, store, name, fuse=fuse)
    cuts = spread(fuse.count, MOST_CUTS)
    found = await gathered((outcome(ends, store, name, fuse=Fuse(number)) for number in cuts), at_once=AT_ONCE)
    assert sum(run.cuts for run, _ in found) >= len(cuts) // 2
    wrong = [await compared(one, uncut, in_order=name in IN_ONE_LINE) for one in found]
    assert {number: what for number, what in zip(cuts, wrong, strict=True) if what} == {}


@pytest.mark.parametrize("name", ["subagent", "branches", "asking"])
async def test_cancellation_at_random_moments(ends: BackEnds, store: SqlStore, name: str) -> None:
    uncut = await outcome(ends, store, name)
    found: list[Outcome] = []
    for seed in some(range(6)):
        moments = random.Random(seed)
        cancels = [moments.choice((moments.randint(0, 60), moments.uniform(0, 0.2))) for _ in range(3)]
        budget = (0.0, ENDLESS)[seed % 2]
        found.append(await outcome(ends, store, name, cancels=cancels, budget=budget))
    assert sum(run.cuts for run, _ in found) > len(found) / 3, "hardly anything was cut"
    wrong = [await compared(one, uncut, in_order=name in IN_ONE_LINE) for one in found]
    assert [what for what in wrong if what] == []
