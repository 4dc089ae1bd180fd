"""`agent.getTree`: the graphs of a run, and how each stands."""

from __future__ import annotations

import time
from typing import Any

from ...contracts.errors import RunNotFoundError
from ...contracts.types import HEARTBEAT_EVENT, RunRecord
from ...facade.runs import RunsFacade
from ..run_views import is_gone
from .projection import Projection
from .said import Namespace
from .subgraphs import Subgraphs

_SHORTLY = 0.2
"""Seconds of silence after which all that a run has said so far was read."""


async def tree_of(runs: RunsFacade, thread_id: str, run_id: object = None) -> dict[str, Any] | None:
    """Of a run of a thread, by default of its newest. `None`: there is none, or none that has begun."""
    run = await _run(runs, thread_id, run_id)
    if run is None:
        return None
    spec = await runs.get_spec(run.run_id)
    projection = Projection(run, spec, lambda: int(time.time() * 1000))
    await _read(runs, run, projection)
    if projection.state is None:
        return None
    root: dict[str, Any] = {"namespace": [], "status": projection.state, "graph_name": spec.assistant_id}
    return root | _children((), projection.subgraphs)


async def _run(runs: RunsFacade, thread_id: str, run_id: object) -> RunRecord | None:
    if isinstance(run_id, str):
        run = await runs.get_run(run_id)
        return run if run is not None and run.thread_id == thread_id else None
    newest = await runs.list_runs(thread_id, limit=10)
    return next((run for run in newest if run.started_at is not None and not is_gone(run)), None)


async def _read(runs: RunsFacade, run: RunRecord, projection: Projection) -> None:
    try:
        stream = await runs.join_stream(run.run_id, heartbeat_interval=_SHORTLY)
        async with stream:
            async for event in stream:
                if event.event == HEARTBEAT_EVENT:
                    return
                for _ in projection.of(event):
                    pass
    except RunNotFoundError:  # it was deleted, or its stream is not kept
        return


def _children(namespace: Namespace, subgraphs: Subgraphs) -> dict[str, Any]:
    below = [one for one in subgraphs.known.values() if one.namespace[:-1] == namespace]
    shown: list[dict[str, Any]] = [
        {"namespace": [*one.namespace], "status": one.state, "graph_name": one.name}
        | _children(one.namespace, subgraphs)
        for one in sorted(below, key=lambda one: one.namespace)
    ]
    return {"children": shown} if shown else {}
