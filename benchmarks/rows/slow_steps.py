"""Supersteps of a second, as those of a language model are: what durability adds to each."""

from __future__ import annotations

import asyncio

from perdure.contracts.wire import run_workflow_id

from ..bench import Bench
from ..figures import FLOOR, OURS, Figure, Goal, Row
from ..history import history
from ..ours import Ours, count
from ..systems import System

_DELAY = 1.0


async def measure(bench: Bench) -> list[Row]:
    """All systems at the same time: they mostly sleep. No two runs begin at once: that would show their queue."""
    systems = bench.systems
    added = await asyncio.gather(*(_added(one, bench, place / len(systems)) for place, one in enumerate(systems)))
    figures = {one.name: Figure.of(values) for one, values in zip(systems, added, strict=True)}
    goals = [Goal("≤ 2%", figures[OURS].median, 2)]
    if FLOOR in figures:  # what Temporal needs from one activity to the next, which each slow superstep has
        goals.append(Goal("≤ 1.1 × the Temporal floor", figures[OURS].median / figures[FLOOR].median, 1.1))
    return [
        Row("slow_step", "overhead of a superstep of 1 s", "%", figures, goals),
        await _events(bench.ours, bench.sizes.slow_steps),
    ]


async def _added(system: System, bench: Bench, place: float) -> list[float]:
    """Percent of a step, in each run. A run's fixed cost is taken away by comparing it with one of one step less."""
    sizes = bench.sizes

    async def added(number: int) -> float:
        await asyncio.sleep(_DELAY * (number + place) / sizes.slow_runs)
        short, long = [(await system.follow(steps, _DELAY))[-1] for steps in (1, 1 + sizes.slow_steps)]
        return 100 * ((long - short) / sizes.slow_steps - _DELAY) / _DELAY

    return list(await asyncio.gather(*map(added, range(sizes.slow_runs))))


async def _events(ours: Ours, steps: int) -> Row:
    """Of two runs of different lengths, so that a run's fixed events are not counted."""
    lengths = (1, 1 + steps)
    counted = await asyncio.gather(*(_counted(ours, length) for length in lengths))
    figure = Figure.of([(counted[1] - counted[0]) / steps])
    return Row(
        "slow_history",
        "history events of a slow superstep",
        "events",
        {OURS: figure},
        (Goal("≤ 8", figure.median, 8),),
        notes={"a run of one slow step, events": counted[0]},
    )


async def _counted(ours: Ours, steps: int) -> int:
    # 0.3 s is beyond the slice budget, so each step is an activity of its own, as one of a second is.
    record, _ = await ours.runs.create_and_wait(count(steps, 0.3))
    return (await history(ours.temporal, run_workflow_id(record.run_id))).events
