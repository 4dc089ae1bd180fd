"""How long the command line and a worker take to start."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import perdure
from perdure.contracts.settings import TemporalSettings

from ..bench import Bench
from ..figures import OURS, Figure, Goal, Row, milliseconds
from ..ours import Ours, count, follow
from ..processes import child, script


async def measure(bench: Bench) -> list[Row]:
    """Processes of their own, with warm files."""
    help_ = milliseconds([await _help(bench.home / "help.log") for _ in range(2 + bench.sizes.starts)][1:])
    worker = Figure.of([await _worker(bench.ours) for _ in range(bench.sizes.starts)])
    return [
        Row("start_help", "start of `perdure --help`", "ms", {OURS: help_}, (Goal("≤ 300 ms", help_.median, 300),)),
        Row(
            "start_worker",
            "start of a worker, to the first event of a run that waits for it",
            "s",
            {OURS: worker},
            (Goal("≤ 3 s", worker.median, 3),),
        ),
    ]


async def _help(log: Path) -> float:
    began = time.perf_counter()
    async with child([script("perdure"), "--help"], log) as process:
        if await process.wait():
            raise RuntimeError("`perdure --help` fails")
        return time.perf_counter() - began


async def _worker(ours: Ours) -> float:
    """On a task queue that nobody else serves."""
    queue = f"start-{uuid.uuid4()}"
    temporal = TemporalSettings(address=ours.address, task_queue=queue)
    settings = ours.settings.model_copy(update={"temporal": temporal})
    async with perdure.connect(settings=settings) as runs:
        worker = await ours.add_worker(queue)
        try:
            return (await follow(runs, count(1)))[0]
        finally:
            ours.workers.remove(worker)
            await worker.kill()
