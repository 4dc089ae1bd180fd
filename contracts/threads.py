"""What is known of a thread: its record, and its state as the checkpointer has it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from .types import Frozen, RunInterrupt


class ThreadStatus(StrEnum):
    """`running` while a run is pending or running on it; else how its last run left it."""

    IDLE = "idle"
    RUNNING = "running"
    AWAITING_INPUT = "awaiting_input"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class ThreadRecord(Frozen):
    """What is known of a thread. Times are UTC."""

    thread_id: str
    status: ThreadStatus = ThreadStatus.IDLE
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The metadata of its runs, a later run's over an earlier one's."""
    assistant_id: str | None = None
    """The graph of its latest run."""
    user_id: str | None = None
    title: str | None = None
    created_at: datetime
    updated_at: datetime


class ThreadSnapshot(Frozen):
    """The state of a thread at one checkpoint."""

    thread_id: str
    checkpoint_id: str
    parent_checkpoint_id: str | None = None
    values: Any = None
    """The channels of the graph's state, in the form of the `values` event."""
    next: tuple[str, ...] = ()
    """The nodes that run next; empty at the end of the graph."""
    interrupts: tuple[RunInterrupt, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    """LangGraph's: `source`, `step`, and ids of the run that saved it."""
    created_at: datetime | None = None
