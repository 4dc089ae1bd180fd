"""The forms of LangGraph's stream chunks that say something of a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from langgraph.types import PregelTask

from ...contracts.langgraph_names import INTERRUPT

_ERROR_HANDLERS = ("__error_handler__", "__default_error_handler__")
"""Beginnings of the names of LangGraph's nodes for error handlers."""


def task_result(
    task: Mapping[str, Any], *, error: str | None = None, result: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The result of a task as a `tasks` event shows it."""
    return {"id": task["id"], "name": task["name"], "error": error, "result": result or {}, "interrupts": []}


def task_as_shown(task: PregelTask) -> dict[str, Any]:
    """A task as a `checkpoints` event shows it."""
    result = {} if task.result is None else {"result": task.result}
    return {"id": task.id, "name": task.name, "interrupts": (), "state": task.state, **result}


def is_of_handler(task: Mapping[str, Any]) -> bool:
    """The input of an error handler's task. LangGraph reports it only when a graph is picked up there."""
    return "result" not in task and str(task["name"]).startswith(_ERROR_HANDLERS)


def interrupt_ids(chunk: Any) -> list[str]:
    """In an order of their own: those who ask at the same time are reported as they came, which differs each time."""
    if not isinstance(chunk, Mapping):
        return []
    interrupts = cast("Iterable[Any]", chunk.get(INTERRUPT) or ())
    return sorted(str(interrupt.id) for interrupt in interrupts)


def asked_by(task: Mapping[str, Any]) -> list[str]:
    """The ids of what it asks, of an event about a task; in the same order."""
    return sorted(str(interrupt["id"]) for interrupt in task.get("interrupts", ()))
