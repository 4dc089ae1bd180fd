"""Where a checkpoint lies, as LangGraph's configs say it."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig


def checkpoint_namespace(config: RunnableConfig) -> str:
    """Of the graph to which a checkpoint's config belongs; empty for the root graph."""
    return str(config.get("configurable", {}).get("checkpoint_ns", ""))


def checkpoint_config(thread_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    """Of a checkpoint at this address."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}


def checkpoint_address(config: RunnableConfig, checkpoint_id: str | None = None) -> tuple[str, str, str]:
    """Thread, namespace and id of a checkpoint."""
    place = config.get("configurable", {})
    return str(place["thread_id"]), checkpoint_namespace(config), checkpoint_id or str(place["checkpoint_id"])
