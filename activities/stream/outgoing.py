"""What a live graph publishes: its events, their names, and the keys by which each is published once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Namespace = tuple[str, ...]
"""Of a graph: empty for the root."""


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


def event_key(kind: str, ns: Namespace, *parts: str) -> str:
    """The same for what reports the same, and for nothing else."""
    return "\n".join((kind, "|".join(ns), *parts))
