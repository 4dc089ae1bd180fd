"""An assistant as the API shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from ..contracts.assistants import AssistantRecord, AssistantVersion
from .graph_names import Chosen
from .ids import assistant_of
from .replies import moment

_BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
"""Of what has always been there."""


class Version(BaseModel):
    """A version of an assistant."""

    assistant_id: str
    graph_id: str
    name: str
    description: str | None
    config: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]
    version: int
    created_at: str


class Assistant(Version):
    """An assistant."""

    updated_at: str


def of_graph(graph: str) -> AssistantRecord:
    """The assistant that each graph has by itself."""
    return AssistantRecord(
        assistant_id=assistant_of(graph),
        graph_id=graph,
        name=graph,
        metadata={"created_by": "system"},
        created_at=_BEGINNING,
        updated_at=_BEGINNING,
    )


def record_of(chosen: Chosen) -> AssistantRecord:
    """Whoever has made it."""
    return of_graph(chosen.graph) if chosen.record is None else chosen.record


def shown_version(version: AssistantVersion) -> dict[str, Any]:
    """A version."""
    fields = {name: getattr(version, name) for name in Version.model_fields}
    return {**fields, "created_at": moment(version.created_at)}


def shown_assistant(assistant: AssistantRecord) -> dict[str, Any]:
    """An assistant."""
    return {**shown_version(assistant), "updated_at": moment(assistant.updated_at)}
