"""Where a run stands in its supersteps, and when it is to pause."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from langgraph.runtime import RunControl

from ...contracts.telemetry.metrics import instruments
from ...contracts.types import RunSpec
from ..graphs.graph_registry import CompiledGraph
from ..stream.outgoing import Namespace
from .resume_point import ResumePoint, input_steps
from .unfinished_tasks import Unfinished


class PausePolicy:
    """Follows a live graph.

    A slice is over when its budget is spent *and* a task has ended in it: else a budget of 0 would go round for ever.
    It is never over under durability `exit`, where nothing is saved before the end: there the run is one slice.

    A worker that shuts down, or serves other code now, asks LangGraph to drain:

    * on a task's successful result, the first moment at which something is gained. Asked earlier, a subgraph would stop
      before its first step, for ever;
    * never for a task that asks or has failed: the graph comes to its end by itself then, and a subgraph beside the one
      that asks would be drained again and again;
    * never while a function is at work: the drain would reach a graph that it calls, and it would begin again.
    """

    def __init__(self, control: RunControl, spec: RunSpec, start: ResumePoint, graph: CompiledGraph) -> None:
        self._control = control
        self._spec = spec
        self._start = start
        self._input_steps = input_steps(spec, graph)
        self._over_at = 0.0
        self.must_pause = False
        """The run is to go on elsewhere, or afresh."""
        self.unfinished = Unfinished(graph)
        self._base = start.base_step
        self._step: int | None = None
        self._reached: float | None = None
        """When the graph reached its checkpoint, on the clock of the event loop."""
        self.progressed = False
        """A task has ended in this slice."""
        self.next: list[str] = []
        """The nodes of the next superstep."""

    def begin_slice(self, budget: float) -> None:
        """`budget`: seconds after which it is over."""
        self.progressed = False
        self._over_at = asyncio.get_running_loop().time() + budget

    @property
    def is_over(self) -> bool:
        """Whether the graph is to be held where it comes to rest. (One that drains, or is done, ends by itself.)"""
        may_end = self.progressed and self._spec.durability != "exit" and not self._control.drain_requested
        spent = self.must_pause or asyncio.get_running_loop().time() >= self._over_at
        return may_end and spent and bool(self.next)

    @property
    def steps(self) -> int:
        """Supersteps of the whole run so far."""
        if self._step is None:
            return self._start.steps
        return max(0, self._step - self._base - self._input_steps)

    def on_checkpoint(self, ns: Namespace, checkpoint: Mapping[str, Any]) -> None:
        """A graph stands at a checkpoint."""
        self.unfinished.on_checkpoint(ns, checkpoint)
        if ns:
            return
        self._step = int(checkpoint["metadata"]["step"])
        self.next = [str(name) for name in checkpoint["next"]]
        now = asyncio.get_running_loop().time()
        if self._reached is not None:
            instruments().superstep.record(now - self._reached, {"graph": self._spec.assistant_id})
        self._reached = now

    def on_result(self, ns: Namespace, result: Mapping[str, Any]) -> None:
        """A task has ended, at any depth."""
        self.unfinished.on_result(ns, result)
        if result["interrupts"] or result["error"]:
            return
        self.progressed = True
        if self.must_pause and not self.unfinished.function_at_work:
            self._control.request_drain("shutdown")

    def pause_soon(self) -> None:
        """The run is to go on elsewhere, or afresh: pause as soon as nothing has to be cut off for it."""
        self.must_pause = True
