"""The stored form of a thread's state: as its checkpoints hold it, read without its graph.

It is what can be had without a worker, and says so (`ThreadSnapshot.source`): only the graph knows how the values of
some channels are put together, and which nodes of a superstep have finished.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.types import Interrupt

from ..contracts.closing import closing
from ..contracts.langgraph_names import END, INTERNAL, INTERRUPT, ROOT
from ..contracts.serialization.serializer import from_json, to_json
from ..contracts.threads import ThreadSnapshot
from ..contracts.types import RunInterrupt
from .due import due_nodes


async def read_snapshot(
    saver: BaseCheckpointSaver[Any], thread_id: str, checkpoint_id: str | None = None
) -> ThreadSnapshot | None:
    """The state of a thread, the newest by default; `None` when there is none."""
    found = await saver.aget_tuple(_config(thread_id, checkpoint_id))
    return None if found is None else _snapshot(thread_id, found)


async def read_history(
    saver: BaseCheckpointSaver[Any], thread_id: str, *, limit: int, before: str | None = None, nested: bool = False
) -> AsyncIterator[ThreadSnapshot]:
    """The states of a thread, the newest first; those before a checkpoint for paging.

    `nested`: also those of the graphs within its graph, by the time at which they were saved.
    """
    after = None if before is None else _config(thread_id, before)
    # LangGraph's savers list those of all namespaces where none is named.
    of_thread: RunnableConfig = {"configurable": {"thread_id": thread_id}} if nested else _config(thread_id)
    async with closing(saver.alist(of_thread, before=after, limit=limit)) as listed:
        async for found in listed:
            yield _snapshot(thread_id, found)


def _config(thread_id: str, checkpoint_id: str | None = None) -> RunnableConfig:
    named = {} if checkpoint_id is None else {"checkpoint_id": checkpoint_id}
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", **named}}


def _snapshot(thread_id: str, found: CheckpointTuple) -> ThreadSnapshot:
    checkpoint, parent = found.checkpoint, found.parent_config
    namespace = str(found.config.get("configurable", {}).get("checkpoint_ns") or "")
    return ThreadSnapshot(
        thread_id=thread_id,
        namespace=tuple(namespace.split("|")) if namespace else (),
        source="stored",
        checkpoint_id=checkpoint["id"],
        parent_checkpoint_id=None if parent is None else parent.get("configurable", {}).get("checkpoint_id"),
        values=from_json(to_json(_values(checkpoint["channel_values"]))),
        next=tuple(due_nodes(found)),
        interrupts=tuple(_interrupts(found)),
        metadata=cast("dict[str, Any]", from_json(to_json(found.metadata))),
        created_at=datetime.fromisoformat(checkpoint["ts"]),
    )


def _values(channels: Mapping[str, Any]) -> Any:
    """The channels of the graph's own state; of a functional entrypoint, what it returned."""
    for whole in (END, ROOT):
        if whole in channels:
            return channels[whole]
    return {name: value for name, value in channels.items() if not _is_internal(name)}


def _is_internal(channel: str) -> bool:
    return channel.startswith(INTERNAL)


def _interrupts(found: CheckpointTuple) -> Iterator[RunInterrupt]:
    for _, channel, value in found.pending_writes or ():
        if channel == INTERRUPT:
            for asked in cast("Sequence[Any]", value if isinstance(value, Sequence) else (value,)):
                if isinstance(asked, Interrupt):
                    yield RunInterrupt(id=asked.id, value=from_json(to_json(asked.value)))
