"""What is known of a thread: its record, and its state as the checkpointer has it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from .types import Frozen, RunError, RunInterrupt

STATELESS = "stateless-"
"""Before the run's id, the thread id of a run that has its thread to itself."""


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


class ThreadDetails(ThreadRecord):
    """A thread, and how its last run, or a change of its state from outside, has left it."""

    values: Any = None
    """The state, in the form of the `values` event; `None` until something was executed."""
    interrupts: tuple[RunInterrupt, ...] = ()
    """The questions that are open."""
    error: RunError | None = None
    """Why the last run failed."""
    state_updated_at: datetime | None = None


class ThreadPage(Frozen):
    """Some of the threads that were looked for."""

    threads: tuple[ThreadDetails, ...] = ()
    total: int = 0
    """How many there are in all."""


ThreadOrder = Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"]
"""By what a search sorts."""


class ThreadTask(Frozen):
    """What runs in the superstep after a checkpoint: a node, or one call of it."""

    id: str
    name: str
    path: tuple[Any, ...] = ()
    """LangGraph's: what has started it (`__pregel_pull` an edge, `__pregel_push` a `Send`), and its place there."""
    error: str | None = None
    """The exception that it raised, as LangGraph keeps it: its `repr`."""
    interrupts: tuple[RunInterrupt, ...] = ()
    result: Any = None
    """What it has written; `None` until it has finished."""
    namespace: tuple[str, ...] = ()
    """Where the graph that is its node keeps its checkpoints; empty for a function."""
    state: ThreadSnapshot | None = None
    """The state of that graph; `get_state` shows it, `history` does not."""


class ThreadSnapshot(Frozen):
    """The state of a thread at one checkpoint."""

    thread_id: str
    checkpoint_id: str
    parent_checkpoint_id: str | None = None
    namespace: tuple[str, ...] = ()
    """Of the graph whose state it is; empty for the thread's own."""
    source: Literal["graph", "stored"] = "graph"
    """Who shows it. `stored`: read from the checkpointer without the graph; values of channels that only the graph can
    put together are not in it, `next` names the whole superstep, `tasks` is empty."""
    values: Any = None
    """The channels of the graph's state, in the form of the `values` event."""
    next: tuple[str, ...] = ()
    """The nodes that are due; empty at the end of the graph."""
    tasks: tuple[ThreadTask, ...] = ()
    """The superstep after this checkpoint, also what has finished or failed in it."""
    interrupts: tuple[RunInterrupt, ...] = ()
    """The questions that are open; of an older checkpoint, all that were asked there."""
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    """LangGraph's: `source`, `step`, and ids of the run that saved it."""
    created_at: datetime | None = None


ThreadTask.model_rebuild()
