"""Workers, as they announce themselves: which graphs each of them serves, and whether it is there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import Field

from .errors import nearest
from .types import Frozen

LIFETIME = timedelta(seconds=15)
"""How long an announcement holds after it was last renewed: a worker that was killed or froze is not there then."""
KEPT = timedelta(days=1)
"""How long it is told afterwards which worker served a graph, and what became of it."""


SENT_ON = "@"
"""Ends the id under which a worker announces itself where it takes only what others send on."""


class WorkerRecord(Frozen):
    """A worker. Times are UTC."""

    worker_id: str
    task_queue: str
    name: str
    """`process 4711 on myhost`."""
    graphs: Mapping[str, tuple[str, ...] | None] = Field(default_factory=dict[str, tuple[str, ...] | None])
    """The names of the graphs that it serves, each with its nodes; `None`: it is made for each run anew."""
    started_at: datetime
    seen_at: datetime
    """When it last said that it is there."""
    ended_at: datetime | None = None
    """When it was stopped in good order."""

    @property
    def takes_workflows(self) -> bool:
        """Whether it takes all that comes to its task queue, and not only what other workers send on to it."""
        return not self.worker_id.endswith(SENT_ON)

    def is_there(self, now: datetime) -> bool:
        """Whether it has not ended, and was heard of lately."""
        return self.ended_at is None and now - self.seen_at <= LIFETIME

    def fate(self, now: datetime) -> str:
        """`is there`, or what became of it."""
        if self.is_there(now):
            return "is there"
        if self.ended_at is not None:
            return f"was stopped at {self.ended_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"was last heard of at {self.seen_at:%Y-%m-%d %H:%M:%S} UTC: it was killed, or hangs"


def this_process() -> str:
    """The name of a worker in this process."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def those_there(workers: Iterable[WorkerRecord], now: datetime) -> list[WorkerRecord]:
    """The workers that are there."""
    return [worker for worker in workers if worker.is_there(now)]


def takers(workers: Iterable[WorkerRecord]) -> list[WorkerRecord]:
    """Those that take whatever comes to their task queue, there or not."""
    return [worker for worker in workers if worker.takes_workflows]


def served_graphs(workers: Iterable[WorkerRecord], now: datetime) -> list[str]:
    """The graphs of the workers that are there, in the order of the alphabet."""
    return sorted({name for worker in those_there(workers, now) for name in worker.graphs})


def served_by(workers: Iterable[WorkerRecord]) -> str:
    """`a, b (process 1 on host); c (process 2 on host)`, or `no worker is there`."""
    told = [f"{', '.join(sorted(worker.graphs)) or 'nothing'} ({worker.name})" for worker in workers]
    return "; ".join(told) or "no worker is there"


def unknown_nodes(workers: Iterable[WorkerRecord], graph: str, wanted: Iterable[str]) -> dict[str, str]:
    """Those of `wanted` that the graph has in none of the workers, each with the nearest that it has.

    None are, where a worker cannot tell the nodes of the graph.
    """
    announced = [worker.graphs[graph] for worker in workers if graph in worker.graphs]
    if not announced or any(nodes is None for nodes in announced):
        return {}
    known = {node for nodes in announced for node in nodes or ()}
    return missing_nodes(known, (node for node in wanted if node != "*"))


def missing_nodes(nodes: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """Those of `wanted` that are not among the nodes of a graph, each with the nearest that is, and all of them."""
    known = sorted(nodes)
    return {node: f"{nearest(node, known)}; it has: {', '.join(known)}" for node in wanted if node not in known}
