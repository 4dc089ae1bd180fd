"""What a worker works with: its graphs, and the back ends that hold the stream, the record and the state of runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...bridge.contract import Bridge
from ...checkpoints.contract import Checkpoints
from ...contracts.limit_settings import LimitSettings
from ...store.contract import Store
from .graph_registry import GraphRegistry


@dataclass(frozen=True, slots=True)
class BackEnds:
    """Of one worker. Who opens the back ends closes them."""

    graphs: GraphRegistry
    bridge: Bridge
    store: Store
    checkpoints: Checkpoints
    limits: LimitSettings = field(default_factory=LimitSettings)
