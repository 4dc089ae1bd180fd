"""The story of a run for who looks at it: its turns, its calls and steps in time, and why it stands still."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from .lifecycle import RunLifecycleEvent
from .types import Frozen, RunInterrupt

StandstillReason = Literal[
    "question", "breakpoint", "no_worker", "failing", "turn", "queued", "delayed", "pending", "step", "ended"
]


class Standstill(Frozen):
    """Why a run does not go on just now, or what it is doing."""

    reason: StandstillReason
    """`question`, `breakpoint`: a human is to answer. `no_worker`, `failing`, `turn`: what `RunRecord.trouble` tells.
    `queued`: behind another run of its thread. `delayed`: it starts later. `pending`: a worker is about to take it.
    `step`: a step is under way. `ended`: it ended, and not by success."""
    text: str
    """One sentence."""
    since: datetime | None = None
    """`None`: it is not known since when."""
    behind: str | None = None
    """The run behind which it is queued."""


class OutlinedEvent(Frozen):
    """A run event without its content."""

    position: int
    """Ascending in the order of writing, over all runs: what is written later, also in an older place, is larger."""
    seq: int
    """`RunEvent.seq`."""
    event_type: str
    attempt: int
    created_at: datetime
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    path: tuple[str, ...] = ()
    """The nodes in which it happened, the outermost first."""


class RunTimeline(Frozen):
    """A part of a run's story."""

    turns: tuple[RunLifecycleEvent, ...] = ()
    """What happened to the run as a whole: all of it, each time."""
    events: tuple[OutlinedEvent, ...] = ()
    """Model calls, tools and what else was told inside of it, in the order of writing."""
    next: int = 0
    """The `after` of the next part."""
    more: bool = False
    """There is more to be read at once."""


class RunStep(Frozen):
    """A checkpoint of a run: the superstep after it has these nodes, and lasts until the next checkpoint."""

    checkpoint_id: str
    step: int | None = None
    """LangGraph's number of the superstep that has ended with it; -1 is the input."""
    source: str | None = None
    created_at: datetime
    namespace: str = ""
    """LangGraph's: of the graph within whose checkpoint it is (`node:id|inner:id`); empty for the thread's own."""
    next: tuple[str, ...] = ()
    questions: int = 0
    """How many were asked in it."""


class RunSteps(Frozen):
    """Checkpoints of a run, the newest first."""

    steps: tuple[RunStep, ...] = ()
    more: bool = False
    """There are older ones."""


class Arrival(Frozen):
    """A run that was submitted."""

    run_id: str
    thread_id: str
    sequence: int | None = None
    """Its place in its thread; `None`: it is not known yet."""


class Spent(Frozen):
    """What a run has used in tokens since a place in its events."""

    tokens: int = 0
    position: int = 0
    """That of the last event that is counted; the place itself, if there is none."""


class Outlook(Frozen):
    """What the store knows of why runs stand still."""

    questions: dict[str, tuple[RunInterrupt, ...]] = Field(default_factory=dict[str, tuple[RunInterrupt, ...]])
    """By run."""
    followed: tuple[str, ...] = ()
    """Of the runs whose questions were asked for, those after which their thread has another run."""
    lines: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """By thread: its runs that have not ended, in the order of their creation."""
    calls: dict[str, tuple[OutlinedEvent, ...]] = Field(default_factory=dict[str, tuple[OutlinedEvent, ...]])
    """By run: its newest events of calls, the newest first."""
