"""Which nodes a checkpoint starts next, told without its graph.

What comes next is LangGraph's own bookkeeping: a node follows when one of its triggers is newer than what the node has
seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.types import Send

_BRANCH, _JOIN, _SENDS, INPUT = "branch:to:", "join:", "__pregel_tasks", "__start__"


def due_nodes(found: CheckpointTuple) -> Iterator[str]:
    """The nodes of the superstep that follows: those that were sent for, then the others by name."""
    checkpoint = found.checkpoint
    for send in cast("Sequence[Any]", checkpoint["channel_values"].get(_SENDS, ())):
        if isinstance(send, Send):
            yield send.node
    yield from sorted(
        {
            node
            for channel in checkpoint["channel_versions"]
            if (node := _triggered(channel, checkpoint["channel_values"])) and _is_news(found, channel, node)
        }
    )


def _triggered(channel: str, values: Mapping[str, Any]) -> str | None:
    """The node that a channel starts, if it is there."""
    if channel == INPUT and channel in values:
        return INPUT
    if channel.startswith(_BRANCH) and channel in values:
        return channel.removeprefix(_BRANCH)
    if channel.startswith(_JOIN) and channel in values:
        names, _, node = channel.removeprefix(_JOIN).rpartition(":")
        seen = values[channel]
        return node if isinstance(seen, set | frozenset) and set(names.split("+")) == seen else None
    return None


def _is_news(found: CheckpointTuple, channel: str, node: str) -> bool:
    version: Any = found.checkpoint["channel_versions"][channel]
    seen: Any = found.checkpoint["versions_seen"].get(node, {}).get(channel)
    return seen is None or version > seen
