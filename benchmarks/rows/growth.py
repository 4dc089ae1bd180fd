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

_WINDOW = 20
"""Steps, or runs, of which a median is taken."""
_ROUNDS = 3
_IN_LINE = 10
"""Runs that make a thread old are submitted so many at a time: nobody measures them."""

Costs = tuple[Sequence[float], Sequence[float]]
"""Seconds, early and late ones. They are measured by turns: the machine is not the same from minute to minute."""


async def measure(bench: Bench) -> list[Row]:
    """Medians around the tenth and around the last one, so that a hiccup does not count."""
    steps, runs = bench.sizes.grown_steps, bench.sizes.grown_runs
    return [
        _row("growth_steps", f"cost of step {steps:,} by that of step 10", await _steps(bench.ours, steps)),
        _row("growth_runs", f"cost of a thread's run {runs:,} by that of its run 10", await _runs(bench.ours, runs)),
    ]


def _row(key: str, what: str, costs: Costs) -> Row:
    early, late = map(statistics.median, costs)
    figure = Figure.of([late / early])
    notes: dict[str, float] = {"early, ms": round(1000 * early, 2), "late, ms": round(1000 * late, 2)}
    return Row(key, what, "×", {OURS: figure}, (Goal("≤ 1.2 ×", figure.median, 1.2),), notes=notes)


async def _steps(ours: Ours, steps: int) -> Costs:
    early: list[float] = []
    late: list[float] = []
    for _ in range(_ROUNDS):
        for _ in range(_ROUNDS):
            early += (await _costs(ours, _WINDOW + 2))[1 : 1 + _WINDOW]
        late += (await _costs(ours, steps + _WINDOW))[-_WINDOW:]
    return early, late


async def _costs(ours: Ours, steps: int) -> list[float]:
    """Seconds of each step of a run, by the clock of its node: a subscriber gets several steps at once."""
    _, stream = await ours.runs.create_and_stream(count(steps))
    ends = [event.data["at"] async for event in stream if event.event == "values" and event.data["total"]]
    return [later - earlier for earlier, later in itertools.pairwise(ends)]


async def _runs(ours: Ours, runs: int) -> Costs:
    old, young = (str(uuid.uuid4()) for _ in range(2))
    for _ in range(runs // _IN_LINE):
        await asyncio.gather(*(_run(ours, old) for _ in range(_IN_LINE)))
    costs = [(await _run(ours, young), await _run(ours, old)) for _ in range(_WINDOW)]
    return [early for early, _ in costs], [late for _, late in costs]


async def _run(ours: Ours, thread_id: str) -> float:
    return (await follow(ours.runs, count(1, thread_id=thread_id)))[-1]
