"""What a live graph publishes: its events, their names, and the keys by which each is published once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Namespace = tuple[str, ...]
"""Of a graph: empty for the root."""


class Reports(StrEnum):
    """What an event reports: the first part of its key. The bridge keeps keys, so a value never changes."""

    VALUES = "v"
    VALUES_AT_INTERRUPT = "vi"
    UPDATES = "u"
    UPDATES_AT_INTERRUPT = "ui"
    TASK_INPUT = "ti"
    TASK_RESULT = "tr"
    TASK_ERROR = "te"
    """Apart from the result: the same task may fail, be tried again, and succeed."""
    MESSAGE = "m"
    CHECKPOINT = "c"
    DEBUG_TASK = "d"
    """Its input or its result, as the part that follows says."""
    DEBUG_ERROR = "de"
    DEBUG_CHECKPOINT = "dc"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to publish."""

    event: str
    payload: Any
    key: str | None = None
    task: str | None = None
    """The finished task that this reports: it is published when the task's writes are saved, not before."""
    checkpoint: str | None = None
    """The checkpoint that this reports, or whose task it reports: likewise."""
    before_writes: bool = False
    """It is published before the task's writes are saved, like what a task says."""


def event_name(mode: str, ns: Namespace) -> str:
    """`mode|namespace`."""
    return "|".join((mode, *ns))


def mode_of(event: str) -> str:
    """The stream mode in an event's name."""
    return event.partition("|")[0]


def namespace_of(event: str) -> str:
    """The namespace in an event's name, as a checkpoint's config writes it."""
    return event.partition("|")[2]


def event_key(reports: Reports, ns: Namespace, *parts: str) -> str:
    """The same for what reports the same, and for nothing else."""
    return "\n".join((reports, "|".join(ns), *parts))
