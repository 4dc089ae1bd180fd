"""Which nodes a checkpoint starts next, told without its graph.

What comes next is LangGraph's own bookkeeping: a node follows when one of its triggers is newer than what the node has
seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.types import Send

from ..contracts.langgraph_names import BRANCH, JOIN, SENDS, START


def due_nodes(found: CheckpointTuple) -> Iterator[str]:
    """The nodes of the superstep that follows: those that were sent for, then the others by name."""
    checkpoint = found.checkpoint
    for send in cast("Sequence[Any]", checkpoint["channel_values"].get(SENDS, ())):
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
    if channel == START and channel in values:
        return START
    if channel.startswith(BRANCH) and channel in values:
        return channel.removeprefix(BRANCH)
    if channel.startswith(JOIN) and channel in values:
        names, node = _of_join(channel)
        return node if names == _arrived(values[channel]) else None
    return None


def needed_nodes(found: CheckpointTuple, channels: Collection[str]) -> Iterator[str]:
    """The nodes that are due, and those of each join that has begun and is not among the graph's `channels` any more.

    One of these was renamed or removed, and what the others have done for the join would be lost.
    """
    yield from due_nodes(found)
    for channel, value in found.checkpoint["channel_values"].items():
        if channel.startswith(JOIN) and channel not in channels and _arrived(value):
            names, node = _of_join(channel)
            yield from sorted({*names, node})


def _of_join(channel: str) -> tuple[set[str], str]:
    """The nodes for which a join waits, and the one that it starts."""
    names, _, node = channel.removeprefix(JOIN).rpartition(":")
    return set(names.split("+")), node


def _arrived(value: Any) -> Collection[Any]:
    """The nodes that have arrived at a join. (That of a deferred node keeps beside them whether it may start.)"""
    if isinstance(value, tuple | list) and value:
        value = cast("Sequence[Any]", value)[0]
    return cast("set[Any]", value) if isinstance(value, set | frozenset) else ()


def _is_news(found: CheckpointTuple, channel: str, node: str) -> bool:
    version: Any = found.checkpoint["channel_versions"][channel]
    seen: Any = found.checkpoint["versions_seen"].get(node, {}).get(channel)
    return seen is None or version > seen
