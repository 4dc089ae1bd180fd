"""The base of what clients send: keys that nobody defines are accepted, for clients may be newer than we are."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .ids import CheckpointId

MOST = 1000
"""Rows of a page."""


class Body(BaseModel):
    """A JSON object. An explicit null is as good as nothing, wherever a field has a default."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class CheckpointRef(Body):
    """A checkpoint, as states show it."""

    checkpoint_id: CheckpointId | None = None
    checkpoint_ns: str | None = None
    checkpoint_map: dict[str, Any] | None = None


class Paged(Body):
    """A page of a list."""

    limit: int | None = Field(default=None, ge=1, le=MOST)
    offset: int | None = Field(default=None, ge=0)
