"""What clients send about assistants."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..contracts.assistants import AssistantFields
from .bodies import Body, Paged
from .ids import AssistantId
from .run_bodies import ConfigBody


class _Fields(Body):
    config: ConfigBody | None = None
    context: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None

    def fields(self) -> dict[str, Any]:
        """What is given of a version. `config.configurable` and `context` are two names of the same."""
        given = {name: value for name in AssistantFields.model_fields if (value := getattr(self, name)) is not None}
        if self.config is not None:
            given["config"] = self.config.model_dump(exclude_none=True)
        if configurable := given.get("config", {}).get("configurable"):
            return {**given, "context": configurable}
        if self.context:
            return {**given, "config": {**given.get("config", {}), "configurable": self.context}}
        return given


class AssistantPatch(_Fields):
    """A change of an assistant. Metadata is merged into what there is, at its top."""

    graph_id: str | None = Field(default=None, min_length=1)


class AssistantCreate(_Fields):
    """A new assistant."""

    graph_id: str = Field(min_length=1)
    assistant_id: AssistantId | None = None
    if_exists: Literal["raise", "do_nothing"] | None = None


class AssistantCount(Body):
    """Which assistants."""

    metadata: dict[str, Any] | None = None
    graph_id: str | None = None
    name: str | None = None


class AssistantSearch(AssistantCount, Paged):
    """Which assistants, and in which order."""

    sort_by: Literal["assistant_id", "graph_id", "name", "created_at", "updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None


class VersionsQuery(Paged):
    """Which versions of an assistant."""

    metadata: dict[str, Any] | None = None


class VersionChange(Body):
    """The version that is to be the current one."""

    version: int = Field(ge=1)
