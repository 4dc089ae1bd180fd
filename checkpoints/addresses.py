"""Where a checkpoint lies, as LangGraph's configs say it."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig


def checkpoint_namespace(config: RunnableConfig) -> str:
    """Of the graph to which a checkpoint's config belongs; empty for the root graph."""
    return str(config.get("configurable", {}).get("checkpoint_ns", ""))


def checkpoint_address(config: RunnableConfig, checkpoint_id: str | None = None) -> tuple[str, str, str]:
    """Thread, namespace and id of a checkpoint."""
    place = config.get("configurable", {})
    return str(place["thread_id"]), checkpoint_namespace(config), checkpoint_id or str(place["checkpoint_id"])
