"""A hundred supersteps that do nothing: what each of them costs, and what they leave in Temporal's history."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from perdure import RunStatus
from perdure.contracts.wire import run_workflow_id

from ..bench import Bench
from ..figures import BARE, FLOOR, OURS, PLUGIN, Figure, Goal, Row, milliseconds, ratio
from ..history import History, history
from ..ours import count
from ..peers.plugin import Plugin
from ..systems import repeated, whole

_STEPS = 100


async def measure(bench: Bench) -> list[Row]:
    """The floor is not in it: it has no steps."""
    systems = [one for one in bench.systems if one.name != FLOOR]
    took = {
        one.name: milliseconds(await repeated(bench.sizes.hundreds, lambda one=one: whole(one, _STEPS)))
        for one in systems
    }
    goals = (
        Goal("≤ 1.3 × bare LangGraph", ratio(took[OURS], took.get(BARE)), 1.3),
        Goal("≤ 1/4 of temporalio-langgraph", ratio(took[OURS], took.get(PLUGIN)), 0.25),
    )
    return [
        Row("hundred_steps", "100 fast supersteps", "ms", took, goals),
        _events(await _histories(bench)),
    ]


async def _histories(bench: Bench) -> dict[str, History]:
    record, result = await bench.ours.runs.create_and_wait(count(_STEPS))
    if result.status is not RunStatus.SUCCESS:
        raise RuntimeError(f"run {record.run_id} is {result.status}")
    found = {OURS: await history(bench.ours.temporal, run_workflow_id(record.run_id))}
    for peer in bench.peers:
        if isinstance(peer, Plugin):
            workflow_id = f"plugin-history-{uuid.uuid4()}"
            await peer.execute(workflow_id, _STEPS, 0.0)
            found[PLUGIN] = await history(peer.client, workflow_id)
    return found


def _events(found: dict[str, History]) -> Row:
    figures = {name: Figure.of([one.events]) for name, one in found.items()}
    sizes: dict[str, float] = {f"{name}, KB": round(one.bytes / 1000, 1) for name, one in found.items()}
    goals: Sequence[Goal] = (Goal("≤ 30", figures[OURS].median, 30),)
    return Row("hundred_history", "history events of 100 fast supersteps", "events", figures, goals, notes=sizes)
