"""From the signal to the terminal event, while other runs go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from perdure import StreamEvent
from perdure.contracts.wire import SIGNAL_CANCEL, run_workflow_id

from ..bench import Bench
from ..figures import OURS, Goal, Row, milliseconds
from ..ours import Ours, count, until_step

_STEP = 10.0
"""Seconds: the others are in the middle of a step, like an agent that waits for its model."""


async def measure(bench: Bench) -> list[Row]:
    """The signal is that of `temporal workflow signal`, sent by this process: the CLI takes 50 ms to start."""
    ours, sizes = bench.ours, bench.sizes
    others = await asyncio.gather(*(ours.runs.create_background(count(1000, _STEP)) for _ in range(sizes.others_going)))
    took = [await _cancelled(ours) for _ in range(sizes.cancels)]
    await asyncio.gather(*(ours.runs.cancel(record.run_id) for record in others))
    await asyncio.gather(*(ours.runs.join_wait(record.run_id) for record in others))
    figure = milliseconds(took)
    goals = (Goal("≤ 50 ms", figure.median, 50), Goal("p99 ≤ 150 ms", figure.p99, 150))
    what = f"cancel by signal to the terminal event, {sizes.others_going} runs going"
    return [Row("cancel", what, "ms", {OURS: figure}, goals)]


async def _cancelled(ours: Ours) -> float:
    record, stream = await ours.runs.create_and_stream(count(1000, 0.05))
    await until_step(stream)
    handle = ours.temporal.get_workflow_handle(run_workflow_id(record.run_id))
    ended = asyncio.create_task(_end(stream))
    began = time.perf_counter()
    await handle.signal(SIGNAL_CANCEL, {"action": "interrupt"})
    return await ended - began


async def _end(stream: AsyncIterator[StreamEvent]) -> float:
    async for _ in stream:
        pass
    return time.perf_counter()
