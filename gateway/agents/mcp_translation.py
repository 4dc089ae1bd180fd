"""What messages of the Model Context Protocol do, in the words of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...contracts.actor import resolve_user_id
from ...contracts.threads import STATELESS
from ..event_values import Asked
from ..ids import repeated_run_id
from ..json_values import object_of
from ..translation import asked_for
from .tool_names import assistant_named


def run_of(session: str | None, request_id: object) -> str:
    """The run of a call: without a session a new one each time."""
    return repeated_run_id(None if session is None else f"{session} {request_id!r}", resolve_user_id(), "mcp")


def translated(values: Mapping[str, str], body: Any) -> Asked | None:
    """A list of tools is a search for assistants, a call is a run without a thread, or an answer to one."""
    message = object_of(body)
    params = object_of(message.get("params"))
    match message.get("method"):
        case "tools/list":
            return asked_for("POST", "/assistants/search", {})
        case "tools/call":
            return _called(params)
        case _:
            return None


def _called(params: Mapping[str, Any]) -> Asked:
    body: dict[str, Any] = {
        "assistant_id": assistant_named(str(params.get("name"))),
        "input": params.get("arguments") or {},
    }
    state = params.get("requestState")
    if not isinstance(state, str) or not state:
        return asked_for("POST", "/runs/stream", body)
    return asked_for("POST", f"/threads/{STATELESS}{state}/runs/stream", {**body, "input": None})
