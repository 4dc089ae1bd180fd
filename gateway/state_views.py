"""The state of a thread as the API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ..contracts.threads import ThreadSnapshot, ThreadTask
from .metadata import shown_metadata
from .questions import questions, shown_interrupt
from .replies import moment


class Checkpoint(BaseModel):
    """Addresses a state."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str | None = None
    checkpoint_map: dict[str, Any] | None = None


class ThreadState(BaseModel):
    """A state."""

    values: Any
    next: list[str]
    tasks: list[dict[str, Any]]
    metadata: dict[str, Any] | None
    created_at: str | None
    checkpoint: Checkpoint | None
    parent_checkpoint: Checkpoint | None
    interrupts: list[dict[str, Any]]
    checkpoint_id: str | None
    parent_checkpoint_id: str | None


class StateUpdated(BaseModel):
    """Where a change has led."""

    checkpoint: Checkpoint
    configurable: Checkpoint
    checkpoint_id: str | None


EMPTY: dict[str, Any] = {
    "values": {},
    "next": [],
    "tasks": [],
    "metadata": None,
    "created_at": None,
    "checkpoint": None,
    "parent_checkpoint": None,
    "interrupts": [],
    "checkpoint_id": None,
    "parent_checkpoint_id": None,
}
"""Of a thread that has none."""


def shown_state(
    state: ThreadSnapshot | None, *, subgraphs: bool = False, above: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`above`: the ids of the checkpoints of the graphs around this one, by namespace."""
    if state is None:
        return EMPTY
    namespace = "|".join(state.namespace)
    places = {**(above or {}), namespace: state.checkpoint_id}
    checkpoint = address(state.thread_id, state.checkpoint_id, namespace)
    return {
        "values": state.values,
        "next": state.next,
        "tasks": [_task(task, state.thread_id, places, subgraphs=subgraphs) for task in state.tasks],
        "metadata": {**shown_metadata(state.metadata), "thread_id": state.thread_id},
        "created_at": moment(state.created_at),
        "checkpoint": {**checkpoint, "checkpoint_map": places} if above else checkpoint,
        "parent_checkpoint": None
        if state.parent_checkpoint_id is None
        else address(state.thread_id, state.parent_checkpoint_id, namespace),
        "interrupts": [shown_interrupt(one) for one in questions(state.interrupts)],
        "checkpoint_id": state.checkpoint_id,
        "parent_checkpoint_id": state.parent_checkpoint_id,
    }


def address(thread_id: str, checkpoint_id: str, namespace: str = "") -> dict[str, Any]:
    """Of a checkpoint."""
    return {"checkpoint_id": checkpoint_id, "thread_id": thread_id, "checkpoint_ns": namespace}


def _task(task: ThreadTask, thread_id: str, places: Mapping[str, Any], *, subgraphs: bool) -> dict[str, Any]:
    below = task.state if subgraphs else None
    return {
        "id": task.id,
        "name": task.name,
        "path": task.path,
        "error": task.error,
        "interrupts": [shown_interrupt(one) for one in task.interrupts],
        "checkpoint": {"thread_id": thread_id, "checkpoint_ns": "|".join(task.namespace)} if task.namespace else None,
        "state": None if below is None else shown_state(below, subgraphs=True, above=places),
        "result": task.result,
    }
