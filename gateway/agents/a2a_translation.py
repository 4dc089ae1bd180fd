"""What messages of A2A do, in the words of the API. A context is a thread, a task a run: `{thread}:{run}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...contracts.actor import resolve_user_id
from ..event_values import Asked
from ..ids import repeated_run_id
from ..json_values import list_of, object_of
from ..translation import asked_for
from .a2a_parts import answer_of, input_of

_SENT = ("message/send", "message/stream", "SendMessage", "SendStreamingMessage")
_READ = {"tasks/get": "", "GetTask": "", "tasks/resubscribe": "/stream", "SubscribeToTask": "/stream"}
_STOPPED = ("tasks/cancel", "CancelTask")


def translated(values: Mapping[str, str], body: Any) -> Asked | None:
    """A message begins a run, or answers one; a task is read, followed or stopped as its run is."""
    message = object_of(body)
    method, params = str(message.get("method")), object_of(message.get("params"))
    if method in _SENT:
        return _sent(values["assistant_id"], object_of(params.get("message")))
    if method == "ListTasks":
        return asked_for("POST", "/threads/search", {})
    place = _place(params.get("id"))
    if place is None:
        return None
    if method in _READ:
        return asked_for("GET", f"{place}{_READ[method]}")
    return asked_for("POST", f"{place}/cancel", {}) if method in _STOPPED else None


def _sent(assistant_id: str, message: Mapping[str, Any]) -> Asked:
    """Of the same message the same run is made, on the same thread."""
    parts = [object_of(part) for part in list_of(message.get("parts"))]
    task = task_ids(message.get("taskId"))
    if task is not None:
        resume = {"assistant_id": assistant_id, "command": {"resume": answer_of(parts)}}
        return asked_for("POST", f"/threads/{task[0]}/runs", resume)
    thread_id = message.get("contextId") or repeated_run_id(_key(message), resolve_user_id(), assistant_id)
    given = {"input": input_of(parts, message.get("messageId")), "if_not_exists": "create"}
    metadata = {"metadata": found} if (found := object_of(message.get("metadata"))) else {}
    return asked_for("POST", f"/threads/{thread_id}/runs", {"assistant_id": assistant_id, **given, **metadata})


def run_of(message: Mapping[str, Any], thread_id: str) -> str:
    """The run that a message begins."""
    return repeated_run_id(_key(message), resolve_user_id(), thread_id)


def task_ids(task_id: object) -> tuple[str, str] | None:
    """Of its thread and its run; `None` for what is no task's."""
    thread, colon, run = str(task_id or "").rpartition(":")
    return (thread, run) if colon and "/" not in thread + run and thread and run else None


def _place(task_id: object) -> str | None:
    ids = task_ids(task_id)
    return None if ids is None else f"/threads/{ids[0]}/runs/{ids[1]}"


def _key(message: Mapping[str, Any]) -> str | None:
    return None if (id := message.get("messageId")) is None else f"a2a {id}"
