"""Who calls a model or a tool: the lead agent, a subagent, or middleware.

Said by a tag (`lead_agent`, `subagent:NAME`, `middleware:NAME`); else it is middleware if the call's metadata has an
`lc_source`, as LangChain's own middleware gives it, or if its node is named so; a subagent in a subgraph; or else the
lead agent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...contracts.events import Caller
from .task_paths import in_subgraph

_CALLERS: tuple[Caller, ...] = ("lead_agent", "subagent", "middleware")


def caller_of(tags: Iterable[str], metadata: Mapping[str, Any]) -> Caller:
    """The caller, by the tags and metadata of a callback."""
    for tag in tags:
        if (kind := tag.partition(":")[0]) in _CALLERS:
            return kind
    if metadata.get("lc_source") or "middleware" in str(metadata.get("langgraph_node", "")).lower():
        return "middleware"
    return "subagent" if in_subgraph(metadata) else "lead_agent"


def is_summarization(tags: Iterable[str], metadata: Mapping[str, Any]) -> bool:
    """Whether middleware calls a model to sum up what has been said."""
    names = (*tags, str(metadata.get("lc_source", "")), str(metadata.get("langgraph_node", "")))
    return any("summar" in name.lower() for name in names)
