"""Where a run stands in its supersteps, and when its slice asks the graph to pause."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from langgraph.runtime import RunControl

from ..contracts.types import RunSpec
from ..contracts.wire import SliceInput
from .config import recursion_limit
from .graphs import CompiledGraph
from .start import Start, input_steps

_STALLS = 3
"""Slices in a row without progress, after which one runs without pausing: a graph may swallow the pause."""


class Pace:
    """Follows one slice. A pause is asked for on a task's successful result, never once a task asks a human.

    (Rules tried in the experiments `subgraph_drain_on_result`, `hitl_with_slices`, `recursion_limit`.)
    """

    def __init__(
        self, control: RunControl, slice: SliceInput, spec: RunSpec, start: Start, graph: CompiledGraph
    ) -> None:
        self._control = control
        self._slice = slice
        self._start = start
        self._input_steps = input_steps(spec, graph)
        self._limit = recursion_limit(spec, graph)
        self._may_pause = spec.durability != "exit" and slice.stalled < _STALLS and start.may_drain
        self._over = asyncio.get_running_loop().time() + slice.limits.slice_budget
        self._base = start.base_step
        self._step: int | None = None
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
        if self._base is None:
            self._base = self._step - self._start.spent

    def on_result(self, result: Mapping[str, Any]) -> None:
        """A task has ended, at any depth."""
        if result["interrupts"]:
            self._may_pause = False
        if result["interrupts"] or result["error"]:
            return
        self.progressed = True
        # A pause must leave the next slice a superstep of the recursion limit.
        if self._may_pause and asyncio.get_running_loop().time() >= self._over and self._left() >= 1:
            self._control.request_drain("slice")

    def _left(self) -> int:
        """Supersteps of the recursion limit that are left after the one that runs."""
        return self._limit - self._spent((self._step or 0) + 1)

    def _spent(self, step: int) -> int:
        return step - (self._base or 0)
