"""What an input of AG-UI does, in the words of the API: a run on its thread."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from ...contracts.actor import resolve_user_id
from ..event_values import Asked
from ..ids import is_assistant_id as is_uuid
from ..ids import repeated_run_id
from ..json_values import list_of, object_of
from ..translation import asked_for
from .ag_ui_input import langchain_messages

GIVEN = "ag_ui"
"""The key of `configurable` under which nodes find tools, context and properties of the page."""

_THREADS = uuid.UUID("2f1d9a3e-6b57-5c0a-9f43-8f0b7f8f7c21")
"""The namespace of threads that pages call otherwise than by a UUID."""


def translated(values: Mapping[str, str], body: Any) -> Asked | None:
    """The state and the messages that the page has are the input; `ag_ui_runs` leaves out what the thread has."""
    given = object_of(body)
    if not isinstance(given.get("threadId"), str):
        return None
    said = {**object_of(given.get("state")), "messages": langchain_messages(list_of(given.get("messages")))}
    run: dict[str, Any] = {"assistant_id": values["assistant_id"], "if_not_exists": "create", "input": said}
    props = object_of(given.get("forwardedProps"))
    if (answers := _answers(given, props)) is not None:
        run["command"] = {"resume": answers}
    if (offered := _offered(given)) != {}:
        run["config"] = {"configurable": {GIVEN: offered}}
    if props.get("onDisconnect") in ("cancel", "continue"):
        run["on_disconnect"] = props["onDisconnect"]
    return asked_for("POST", f"/threads/{thread_of(given['threadId'])}/runs/stream", run)


def thread_of(name: str) -> str:
    """A UUID is a thread's id; any other text is a name, which each user has for himself."""
    return name.lower() if is_uuid(name) else str(uuid.uuid5(_THREADS, f"{resolve_user_id() or ''}\n{name}"))


def run_of(name: str, thread_id: str) -> str:
    """Likewise of a run."""
    return name.lower() if is_uuid(name) else repeated_run_id(f"ag-ui {name}", resolve_user_id(), thread_id)


def _answers(given: Mapping[str, Any], props: Mapping[str, Any]) -> Any:
    """By the ids of the questions; an abandoned one is answered with null. Older pages have one answer for all."""
    entries = [object_of(entry) for entry in list_of(given.get("resume"))]
    if entries:
        return {str(entry.get("interruptId")): entry.get("payload") for entry in entries}
    return object_of(props.get("command")).get("resume")


def _offered(given: Mapping[str, Any]) -> dict[str, Any]:
    names = {"tools": "tools", "context": "context", "forwardedProps": "forwarded_props"}
    return {ours: given[theirs] for theirs, ours in names.items() if given.get(theirs)}
