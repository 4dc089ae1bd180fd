"""What a live graph works with, and what it raises when that is nobody's but its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...bridge.contract import Bridge
from ...checkpoints.contract import Checkpoints
from ...store.contract import RunEventStore
from ..graphs.graph_registry import GraphRegistry


class GraphRaised(Exception):
    """The graph uses Perdure itself, and raised an error of ours, its cause: it says nothing about this run."""


@dataclass(frozen=True, slots=True)
class GraphParts:
    """What a live graph works with."""

    graphs: GraphRegistry
    bridge: Bridge
    checkpoints: Checkpoints
    events: RunEventStore | None = None
    """`None`: they are not kept."""
    may_hold: Callable[[], bool] = lambda: True
    """Whether a graph may wait for its next slice. Else the slice goes on."""
