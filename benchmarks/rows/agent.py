"""What one agent run of ten slow steps costs each part: the unit of `docs/scale.md`."""

from __future__ import annotations

import asyncio

from perdure import Settings
from perdure.contracts.wire import run_workflow_id, thread_workflow_id

from ..bench import Bench
from ..figures import OURS, Figure, Row
from ..history import history
from ..ours import Ours, count, succeeded
from ..processes import Meter
from ..storage import used_bytes

STEPS = 10
_DELAY = 0.3
"""Seconds: beyond the slice budget, so each step is an activity of its own, as with a real model."""
_DATABASES = {"bridge": "bridge.db", "store": "store.db", "checkpoints": "checkpoints.db"}


async def measure(bench: Bench) -> list[Row]:
    """Several runs at the same time, each on a thread of its own; the thread's share is that of its first run."""
    ours, runs = bench.ours, bench.sizes.agents
    stored, meter = _stored(ours.settings), Meter(ours.pids)
    with meter:
        ids = await asyncio.gather(*(_run(ours) for _ in range(runs)))
    added = {name: size - stored[name] for name, size in _stored(ours.settings).items()}
    own = [await history(ours.temporal, run_workflow_id(run_id)) for run_id, _ in ids]
    threads = [await history(ours.temporal, thread_workflow_id(thread_id)) for _, thread_id in ids]
    pairs = list(zip(own, threads, strict=True))
    figure = Figure.of([run.events + thread.events for run, thread in pairs])
    notes = {
        "history, bytes": round(sum(run.bytes + thread.bytes for run, thread in pairs) / runs),
        "actions": round(sum(run.actions + thread.actions for run, thread in pairs) / runs, 1),
        **{f"CPU of the {name}, ms": round(1000 * used / runs, 1) for name, used in meter.used.items()},
        **{f"{name}, bytes": round(size / runs) for name, size in added.items()},
    }
    what = f"history events of a run of {STEPS} slow steps and of its thread"
    return [Row("agent_run", what, "events", {OURS: figure}, better="neither", notes=notes)]


async def _run(ours: Ours) -> tuple[str, str]:
    record = await ours.runs.create_background(count(STEPS, _DELAY))
    await succeeded(ours.runs, record)
    return record.run_id, record.thread_id


def _stored(settings: Settings) -> dict[str, int]:
    """Bytes in use, in whole pages, by what they are for."""
    return {name: used_bytes(settings.home / file) for name, file in _DATABASES.items()}
