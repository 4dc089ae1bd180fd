"""Where a run stands in its supersteps, and when its slice asks the graph to pause."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from langgraph.pregel import Pregel
from langgraph.runtime import RunControl

from ..contracts.metrics import instruments
from ..contracts.types import RunSpec
from ..contracts.wire import SliceInput
from .config import recursion_limit
from .graphs import CompiledGraph
from .outgoing import Namespace
from .start import Start, input_steps

_STALLS = 3
"""Slices in a row without progress, after which one runs without pausing: a graph may swallow the pause."""


class Pace:
    """Follows one slice. A pause is asked for on a task's successful result, never while a function is at work; nor
    once a task asks a human, unless the worker shuts down.

    (Rules tried in the experiments `subgraph_drain_on_result`, `hitl_with_slices`, `recursion_limit`.)
    """

    def __init__(
        self, control: RunControl, slice: SliceInput, spec: RunSpec, start: Start, graph: CompiledGraph
    ) -> None:
        self._control = control
        self._spec = spec
        self._slice = slice
        self._start = start
        self._input_steps = input_steps(spec, graph)
        self._limit = recursion_limit(spec, graph)
        self._may_pause = spec.durability != "exit" and slice.stalled < _STALLS and start.may_drain
        self._over = asyncio.get_running_loop().time() + slice.limits.slice_budget
        self._must_pause = False
        self._graph = graph
        self._at_work: set[str] = set()
        """Tasks of functions: a pause would reach a graph that one of them calls, and it would begin again."""
        self._base = start.base_step
        self._step: int | None = None
        self._reached: float | None = None
        """When the graph reached its checkpoint, on the clock of the event loop."""
        self.progressed = False
        """A task has finished."""
        self.next: list[str] = []
        """The nodes of the next superstep."""

    @property
    def steps(self) -> int:
        """Supersteps of the whole run so far."""
        if self._step is None:
            return self._start.steps
        return max(0, self._spent(self._step) - self._input_steps)

    def on_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """The graph stands at a checkpoint of its root."""
        self._step = int(checkpoint["metadata"]["step"])
        self.next = [str(name) for name in checkpoint["next"]]
        self._at_work.clear()
        if self._base is None:
            self._base = self._step - self._start.spent
        now = asyncio.get_running_loop().time()
        if self._reached is not None:
            instruments().superstep.record(now - self._reached, {"graph": self._spec.assistant_id})
        self._reached = now

    def on_task(self, ns: Namespace, task: Mapping[str, Any]) -> None:
        """A task begins or ends, at any depth."""
        if "result" in task:
            self._at_work.discard(task["id"])
            self._on_result(task)
        elif not self._is_graph(ns, task["name"]):
            self._at_work.add(task["id"])

    def pause_soon(self) -> None:
        """The worker shuts down: pause as soon as no function is at work."""
        self._must_pause = True

    def _is_graph(self, ns: Namespace, name: str) -> bool:
        """Whether a node is a graph that goes on where it was paused, and not a function that may call one."""
        node: Any = self._graph
        for part in (*(step.partition(":")[0] for step in ns), name):
            found = node.nodes.get(part) if isinstance(node, Pregel) else None
            node = getattr(found, "bound", None)
        return isinstance(node, Pregel) and node.checkpointer is not False

    def _on_result(self, result: Mapping[str, Any]) -> None:
        if result["interrupts"]:
            self._may_pause = False
        if result["interrupts"] or result["error"]:
            return
        self.progressed = True
        over = self._may_pause and asyncio.get_running_loop().time() >= self._over
        # A pause must leave the next slice a superstep of the recursion limit.
        if (over or self._must_pause) and not self._at_work and self._left() >= 1:
            self._control.request_drain("slice")

    def _left(self) -> int:
        """Supersteps of the recursion limit that are left after the one that runs."""
        return self._limit - self._spent((self._step or 0) + 1)

    def _spent(self, step: int) -> int:
        return step - (self._base or 0)
