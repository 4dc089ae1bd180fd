"""Runs that wait for a human: what many of them cost a worker, and how soon one goes on."""

from __future__ import annotations

import asyncio
import time

from perdure import RunStatus

from ..bench import Bench
from ..figures import OURS, Figure, Goal, Row, milliseconds
from ..ours import Ours, spec
from ..processes import memory_mb


async def measure(bench: Bench) -> list[Row]:
    """The goal says 10,000, which take ten minutes and more to start: `--waiting 10000` does it."""
    ours, sizes = bench.ours, bench.sizes
    await _asked(ours, 10, sizes.at_once)  # what the first ones load is not counted
    before = memory_mb(ours.workers[0].pid)
    began = time.perf_counter()
    ids = await _asked(ours, sizes.waiting, sizes.at_once)
    seconds = time.perf_counter() - began
    after = memory_mb(ours.workers[0].pid)
    resumed = milliseconds([await _resumed(ours, run_id) for run_id in ids[: sizes.resumes]])
    rows = [
        Row(
            "resume",
            f"resume of one of {sizes.waiting:,} waiting runs, to its end",
            "ms",
            {OURS: resumed},
            (Goal("≤ 150 ms", resumed.median, 150),),
        )
    ]
    if before is not None and after is not None:
        grown = Figure.of([after - before])
        goal = Goal("≤ 50 MB", grown.median, 50)
        notes: dict[str, float] = {
            "runs": sizes.waiting,
            "brought to their question, runs/s": round(sizes.waiting / seconds, 1),
        }
        what = f"memory that {sizes.waiting:,} waiting runs add to a worker"
        rows.insert(0, Row("waiting_memory", what, "MB", {OURS: grown}, (goal,), notes=notes))
    return rows


async def _asked(ours: Ours, runs: int, at_once: int) -> list[str]:
    limit = asyncio.Semaphore(at_once)

    async def one() -> str:
        async with limit:
            record, result = await ours.runs.create_and_wait(spec("questions", {"answer": ""}))
        if result.status is not RunStatus.AWAITING_INPUT:
            raise RuntimeError(f"run {record.run_id} is {result.status} and should ask")
        return record.run_id

    return await asyncio.gather(*(one() for _ in range(runs)))


async def _resumed(ours: Ours, run_id: str) -> float:
    stream = await ours.runs.join_stream(run_id)
    async for event in stream:
        if event.event == "awaiting_input":
            break
    began = time.perf_counter()
    await ours.runs.resume(run_id, "yes")
    async for _ in stream:
        pass
    return time.perf_counter() - began
