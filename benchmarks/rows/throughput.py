"""One-step runs a second, with client, worker and server on this machine, and what each of these works for one run."""

from __future__ import annotations

from perdure.contracts.wire import run_workflow_id, thread_workflow_id

from ..bench import Bench
from ..figures import FLOOR, OURS, Figure, Goal, Row, ratio
from ..history import history
from ..ours import Ours, count
from ..processes import Meter
from ..systems import burst

_BURSTS = 3


async def measure(bench: Bench) -> list[Row]:
    """In three bursts each, in turn, so that a busy moment of the machine does not hit one system only."""
    rates = {one.name: list[float]() for one in bench.systems}
    meters = {one.name: Meter(one.pids) for one in bench.systems}
    runs = bench.sizes.burst // _BURSTS
    for _ in range(_BURSTS):
        for system in bench.systems:
            with meters[system.name]:
                rates[system.name].append(await burst(system, runs, bench.sizes.at_once))
    figures = {name: Figure.of(values) for name, values in rates.items()}
    cpu = {
        f"{name}, CPU of its {process}, ms a run": round(1000 * used / (runs * _BURSTS), 1)
        for name, meter in meters.items()
        for process, used in meter.used.items()
    }
    goal = Goal("≥ 0.6 × the Temporal floor", ratio(figures[OURS], figures.get(FLOOR)), 0.6, at_least=True)
    row = Row("throughput", "one-step runs a second", "runs/s", figures, (goal,), better="more", notes=cpu)
    return [row, await _cost(bench.ours)]


async def _cost(ours: Ours) -> Row:
    """What one of these runs, and its thread, leaves in Temporal."""
    record, _ = await ours.runs.create_and_wait(count(1))
    run = await history(ours.temporal, run_workflow_id(record.run_id))
    thread = await history(ours.temporal, thread_workflow_id(record.thread_id))
    notes: dict[str, float] = {
        "of its thread, events": thread.events,
        "run, bytes": run.bytes,
        "thread, bytes": thread.bytes,
        "run and thread, actions": run.actions + thread.actions,
    }
    figures = {OURS: Figure.of([run.events])}
    return Row("one_step_history", "history events of a one-step run", "events", figures, notes=notes)
