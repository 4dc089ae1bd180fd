"""Assistants: a graph with a config and a context that its runs begin with, in versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from .types import Frozen


class AssistantFields(Frozen):
    """What a version of an assistant says."""

    graph_id: str
    name: str = "Untitled"
    description: str | None = None
    config: dict[str, Any] = Field(default_factory=dict[str, Any])
    """LangChain's, for each run; what a run has itself comes over it."""
    context: dict[str, Any] = Field(default_factory=dict[str, Any])
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])

    def changed(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the next version. Metadata is merged, everything else is replaced."""
        merged = {**self.metadata, **changes.get("metadata", {})}
        return {**{name: getattr(self, name) for name in AssistantFields.model_fields}, **changes, "metadata": merged}


class AssistantVersion(AssistantFields):
    """One version. Times are UTC."""

    assistant_id: str
    version: int = 1
    created_at: datetime


class AssistantRecord(AssistantVersion):
    """An assistant as it is now: one of its versions, not always the last that was made."""

    user_id: str | None = None
    """Whose it is."""
    updated_at: datetime
