"""The breakpoints of a run: nodes that its graph must have, or it would never stop there."""

from __future__ import annotations

from ...contracts.errors import RunStateError
from ...contracts.types import RunSpec
from ...contracts.wire import SliceInput
from ...contracts.workers import missing_nodes
from .graph_registry import CompiledGraph, nodes_of


def check_breakpoints(slice: SliceInput, spec: RunSpec, graph: CompiledGraph) -> None:
    """Raises `RunStateError` for a node that is not in the graph with which the run begins.

    Later a deploy may have renamed it, which is no fault of the run.
    """
    if slice.steps or slice.takeovers or slice.resumed:
        return
    for field in ("interrupt_before", "interrupt_after"):
        nodes = getattr(spec, field)
        for node, instead in missing_nodes(nodes_of(graph), () if nodes == "*" else nodes).items():
            raise RunStateError(slice.run_id, f"{field}: the graph has no node {node!r}{instead}")
