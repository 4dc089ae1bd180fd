"""Whether a run can go on with the graph that is served now: a deploy may have renamed the nodes at which it stands.

LangGraph ignores a node that it does not know, and ends in success without having done anything.
"""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from ...checkpoints.due import needed_nodes
from ...contracts.errors import MissingNodeError
from ...contracts.langgraph_names import START
from ...contracts.wire import SliceInput
from .answers import RefusedAnswerError
from .graph_registry import CompiledGraph
from .open_interrupts import missing_nodes, subgraphs_of
from .run_config import thread_config


async def check_served(
    slice: SliceInput, graph: CompiledGraph, saver: BaseCheckpointSaver[Any], head: CheckpointTuple
) -> None:
    """`head`: the newest checkpoint of the run's thread, from which the run goes on.

    Raises `RefusedAnswerError` where the run was about to leave its question or breakpoint, which stays open then,
    and `MissingNodeError` elsewhere.
    """
    name = await _missing(slice.thread_id, graph, saver, head)
    if name is None:
        return
    error = MissingNodeError(slice.run_id, name)
    if slice.answers or head.checkpoint["id"] == slice.breakpoint:
        raise RefusedAnswerError(str(error))
    raise error


async def _missing(
    thread_id: str, graph: CompiledGraph, saver: BaseCheckpointSaver[Any], head: CheckpointTuple
) -> str | None:
    due = {*needed_nodes(head, {*graph.channels})} - {START}
    if unknown := sorted(due - set(graph.nodes)):
        return unknown[0]
    if due.isdisjoint(subgraphs_of(graph)):
        return None  # which is nearly always so, and needs no look at the graphs below
    state = await graph.aget_state(thread_config(thread_id), subgraphs=True)
    return await anext(missing_nodes(graph, state, saver), None)
