"""Which checkpoints of a thread are needed for its newest state, and which only for its history."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from .addresses import checkpoint_address, checkpoint_config
from .contract import Checkpoints, Place

_SINCE_SNAPSHOT = "counters_since_delta_snapshot"
"""In LangGraph's metadata of a checkpoint, by channel: those whose value has to be put together of older ones."""


async def needed(checkpoints: Checkpoints, thread_id: str) -> set[Place]:
    """The newest of each graph; and where a channel keeps only its changes, those behind it up to its whole value."""
    found: set[Place] = set()
    for place in await checkpoints.newest(thread_id):
        found.update(await _with_ancestors(checkpoints, thread_id, place))
    return found


async def _with_ancestors(checkpoints: Checkpoints, thread_id: str, place: Place) -> set[Place]:
    found: set[Place] = set()
    missing: set[str] | None = None
    config: RunnableConfig | None = checkpoint_config(thread_id, *place)
    while config is not None and (missing is None or missing):
        saved = await checkpoints.saver.aget_tuple(config)
        if saved is None:
            break
        _, namespace, checkpoint_id = checkpoint_address(saved.config)
        found.add((namespace, checkpoint_id))
        counted: dict[str, Any] = cast("dict[str, Any]", saved.metadata).get(_SINCE_SNAPSHOT) or {}
        missing = {channel for channel in counted if missing is None or channel in missing}
        config = saved.parent_config
    return found
