"""Whether a long run, or a thread with many runs, becomes slower as it grows."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import uuid
from collections.abc import Sequence

from ..bench import Bench
from ..figures import OURS, Figure, Goal, Row
from ..ours import Ours, count, follow
from ..sizes import Sizes

_IN_LINE = 10
"""Runs that make a thread old are submitted so many at a time: nobody measures them."""

Costs = tuple[Sequence[float], Sequence[float]]
"""Seconds, early and late ones. They are measured by turns: the machine is not the same from minute to minute."""


async def measure(bench: Bench) -> list[Row]:
    """Medians around the tenth and around the last one, so that a hiccup does not count."""
    sizes = bench.sizes
    steps, runs = sizes.grown_steps, sizes.grown_runs
    return [
        _row("growth_steps", f"cost of step {steps:,} by that of step 10", await _steps(bench.ours, sizes)),
        _row("growth_runs", f"cost of a thread's run {runs:,} by that of its run 10", await _runs(bench.ours, sizes)),
    ]


def _row(key: str, what: str, costs: Costs) -> Row:
    early, late = map(statistics.median, costs)
    figure = Figure.of([late / early])
    notes: dict[str, float] = {"early, ms": round(1000 * early, 2), "late, ms": round(1000 * late, 2)}
    return Row(key, what, "×", {OURS: figure}, (Goal("≤ 1.2 ×", figure.median, 1.2),), notes=notes)


async def _steps(ours: Ours, sizes: Sizes) -> Costs:
    early: list[float] = []
    late: list[float] = []
    window = sizes.growth_window
    for _ in range(sizes.growth_rounds):
        for _ in range(sizes.growth_rounds):
            early += (await _costs(ours, window + 2))[1 : 1 + window]
        late += (await _costs(ours, sizes.grown_steps + window))[-window:]
    return early, late


async def _costs(ours: Ours, steps: int) -> list[float]:
    """Seconds of each step of a run, by the clock of its node: a subscriber gets several steps at once."""
    _, stream = await ours.runs.create_and_stream(count(steps))
    ends = [event.data["at"] async for event in stream if event.event == "values" and event.data["total"]]
    return [later - earlier for earlier, later in itertools.pairwise(ends)]


async def _runs(ours: Ours, sizes: Sizes) -> Costs:
    old, young = (str(uuid.uuid4()) for _ in range(2))
    for _ in range(sizes.grown_runs // _IN_LINE):
        await asyncio.gather(*(_run(ours, old) for _ in range(_IN_LINE)))
    costs = [(await _run(ours, young), await _run(ours, old)) for _ in range(sizes.growth_window)]
    return [early for early, _ in costs], [late for _, late in costs]


async def _run(ours: Ours, thread_id: str) -> float:
    return (await follow(ours.runs, count(1, thread_id=thread_id)))[-1]
