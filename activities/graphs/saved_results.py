"""What earlier attempts of a superstep have saved: results that LangGraph gives back instead of running their tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph.checkpoint.base import WRITES_IDX_MAP, CheckpointTuple

from ...contracts.langgraph_names import END, ERROR, HANDED_ON, INTERNAL, RETURN

_NO_RESULTS = {*WRITES_IDX_MAP, HANDED_ON}
"""Channels of writes that say what happened to a task, and not what it gave."""


def is_internal(channel: str) -> bool:
    """Whether no event shows a channel. (That of an entrypoint's result is shown.)"""
    return channel.startswith(INTERNAL) and channel not in (RETURN, END)


class SavedResults:
    """Of a run's graphs, by the ids of their tasks."""

    def __init__(self) -> None:
        self.results: dict[str, dict[str, Any]] = {}
        """In the form of their `tasks` events."""
        self.errors: dict[str, str] = {}
        """Of tasks that were handed on; as text, since a checkpoint keeps no more of it."""

    def add(self, found: CheckpointTuple) -> None:
        """What is saved beside a checkpoint."""
        writes = found.pending_writes or ()
        handed_on = {task for task, channel, _ in writes if channel == HANDED_ON}
        gave: dict[str, list[tuple[str, Any]]] = {}
        for task, channel, value in writes:
            if channel == ERROR and task in handed_on:
                self.errors[task] = str(value)
            elif channel not in _NO_RESULTS:
                gave.setdefault(task, []).append((channel, value))
        self.results.update({task: _result(own) for task, own in gave.items()})


def _result(writes: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    for channel, value in writes:
        if not is_internal(channel):
            values.setdefault(channel, []).append(value)
    return {channel: several[0] if len(several) == 1 else {"$writes": several} for channel, several in values.items()}
