"""The breakpoints of a run: nodes that its graph must have, or it would never stop there."""

from __future__ import annotations

from ...contracts.errors import RunStateError, nearest
from ...contracts.types import RunSpec
from ...contracts.wire import SliceInput
from .graph_registry import CompiledGraph


def check_breakpoints(slice: SliceInput, spec: RunSpec, graph: CompiledGraph) -> None:
    """Raises `RunStateError` for a node that is not in the graph with which the run begins.

    Later a deploy may have renamed it, which is no fault of the run.
    """
    if slice.steps or slice.takeovers or slice.resumed:
        return
    known = sorted(node for node in graph.nodes if not node.startswith("__"))
    for field in ("interrupt_before", "interrupt_after"):
        nodes = getattr(spec, field)
        for node in () if nodes == "*" else nodes:
            if node not in known:
                text = f"{field}: the graph has no node {node!r}{nearest(node, known)}; it has: {', '.join(known)}"
                raise RunStateError(slice.run_id, text)
