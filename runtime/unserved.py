"""Why a graph is not served."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from datetime import datetime

from ..activities import load_graphs
from ..contracts.errors import GraphLoadError
from ..contracts.settings import Settings
from ..contracts.workers import WorkerRecord, served_by, those_there


async def load_failure(settings: Settings) -> str | None:
    """Why a worker that starts now would not serve: one of its graphs cannot be loaded."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a graph's module may print when it is imported
            await load_graphs(settings.graphs)
    except GraphLoadError as exc:
        return str(exc)
    return None


def why_not_served(
    graph: str, workers: Sequence[WorkerRecord], failure: str | None, now: datetime, queue: str | None = None
) -> str:
    """What became of the worker that served it, or who is there without it, and what has to be done first.

    `queue`: the graph's own task queue, if it has one.
    """
    there = those_there(workers, now)
    before = next((worker for worker in workers if graph in worker.graphs), None)
    told = "no worker has announced it" if before is None else f"{before.name}, which served it, {before.fate(now)}"
    others = f"; there are: {served_by(there)}" if there else ""
    if queue is not None:
        return f"{told}; start `perdure worker --queue {queue}`"
    if failure is not None:
        return f"{told}{others}; a worker that starts now stops at once: {failure}"
    return f"{told}{others}; start `perdure worker` (or `perdure dev`)" + (", or start it again" if there else "")
