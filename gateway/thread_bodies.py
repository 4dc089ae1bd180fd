"""What clients send about threads."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from ..contracts.threads import ThreadOrder
from .bodies import Body, CheckpointRef, Paged
from .ids import CheckpointId, ThreadId

ThreadStatusName = Literal["idle", "busy", "interrupted", "error"]
_MOST_EXTRACTS = 10


class Update(Body):
    """One update of a superstep."""

    values: Any = None
    as_node: str
    command: dict[str, Any] | None = None


class Superstep(Body):
    """What one superstep has written."""

    updates: list[Update] = Field(min_length=1)


class ThreadCreate(Body):
    """A new thread."""

    thread_id: ThreadId | None = None
    metadata: dict[str, Any] | None = None
    if_exists: Literal["raise", "do_nothing"] | None = None
    ttl: Any = None
    supersteps: list[Superstep] | None = None
    """A history to begin with; it needs `metadata.graph_id`."""

    @field_validator("ttl")
    @classmethod
    def _no_ttl(cls, ttl: Any) -> Any:
        return without_ttl(ttl)


class ThreadPatch(Body):
    """A change of a thread."""

    metadata: dict[str, Any] | None = None
    """Merged into what there is, at its top."""
    ttl: Any = None

    @field_validator("ttl")
    @classmethod
    def _no_ttl(cls, ttl: Any) -> Any:
        return without_ttl(ttl)


def without_ttl(ttl: Any) -> Any:
    """Raises for one: nothing of a thread expires."""
    if ttl is not None:
        raise ValueError("threads do not expire here: leave ttl out, and delete what is not needed any more")
    return ttl


class ThreadCount(Body):
    """Which threads."""

    metadata: dict[str, Any] | None = None
    values: dict[str, Any] | None = None
    status: ThreadStatusName | None = None


class ThreadSearch(ThreadCount, Paged):
    """Which threads, in which order, and what of them."""

    ids: list[ThreadId] | None = None
    sort_by: ThreadOrder | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None
    extract: dict[str, str] | None = Field(default=None, max_length=_MOST_EXTRACTS)
    """Alias to a path like `values.messages[-1].content`."""


class ThreadPrune(Body):
    """Threads that are not needed any more."""

    thread_ids: list[ThreadId]
    strategy: Literal["delete", "keep_latest"] | None = None
    """`keep_latest`: their history goes, and they stay, as they are now."""


class StateUpdate(Body):
    """Values to be written into a state."""

    values: dict[str, Any] | list[Any] | None = None
    as_node: str | None = None
    checkpoint: CheckpointRef | None = None
    checkpoint_id: CheckpointId | None = None


class StateAt(Body):
    """The state at a checkpoint."""

    checkpoint: CheckpointRef
    subgraphs: bool | None = None


class HistoryQuery(Body):
    """Which states of a thread."""

    limit: int | None = Field(default=None, ge=1, le=1000)
    before: str | dict[str, Any] | None = None
    """A checkpoint, its id, or a config that has it."""
    metadata: dict[str, Any] | None = None
    checkpoint: CheckpointRef | None = None
