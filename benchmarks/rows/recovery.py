"""How long a run stands still when its worker is killed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from perdure import StreamEvent

from ..bench import Bench
from ..figures import OURS, Figure, Goal, Row
from ..ours import Ours, count, installed, until_step

_HEARTBEAT = 2.0
"""Seconds of the heartbeat timeout: shorter than the default, so that it is over sooner."""


_LAST_WORDS = 0.5
"""Seconds within which what a killed worker had written has been read. No recovery is that fast."""
_AT_WORK = 40
"""Events after which a run has left all earlier workers behind, also the workflow tasks that they held."""


async def measure(bench: Bench) -> list[Row]:
    """One run, and a new worker before each kill: from SIGKILL to the next event of the run."""
    async with installed(bench.home / "recovery", heartbeat=_HEARTBEAT) as ours:
        record, stream = await ours.runs.create_and_stream(count(100_000, 0.05))
        await until_step(stream)
        took = [await _killed(ours, stream) for _ in range(bench.sizes.kills)]
        await ours.runs.cancel(record.run_id)
        async for _ in stream:
            pass
    figure = Figure.of(took)
    goal = Goal("≤ heartbeat timeout + 2 s", figure.p99, _HEARTBEAT + 2)
    what = f"recovery after SIGKILL of a worker, heartbeat timeout {_HEARTBEAT:g} s"
    return [Row("recovery", what, "s", {OURS: figure}, (goal,))]


async def _killed(ours: Ours, stream: AsyncIterator[StreamEvent]) -> float:
    """Seconds from the kill of its worker to the run's next event."""
    for _ in range(_AT_WORK):
        await anext(stream)
    holder = ours.workers[-1]
    await (await ours.add_worker()).said("serving")
    began = time.perf_counter()
    await holder.kill()
    async for _ in stream:
        if (waited := time.perf_counter() - began) > _LAST_WORDS:
            return waited
    raise RuntimeError("the run has ended and should have gone on in another worker")
