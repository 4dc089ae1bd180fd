"""A thread as the API shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel

from ..contracts.threads import ThreadDetails, ThreadRecord, ThreadStatus
from .failures import failure
from .questions import questions, shown_interrupt
from .replies import moment
from .thread_bodies import ThreadStatusName


class Thread(BaseModel):
    """A thread."""

    thread_id: str
    created_at: str
    updated_at: str
    state_updated_at: str
    metadata: dict[str, Any]
    status: ThreadStatusName
    config: dict[str, Any]
    values: Any = None
    error: dict[str, Any] | None = None
    interrupts: dict[str, list[dict[str, Any]]] = {}
    extracted: dict[str, Any] | None = None


_SHOWN: dict[ThreadStatus, ThreadStatusName] = {
    ThreadStatus.IDLE: "idle",
    ThreadStatus.RUNNING: "busy",
    ThreadStatus.AWAITING_INPUT: "interrupted",
    ThreadStatus.INTERRUPTED: "interrupted",
    ThreadStatus.ERROR: "error",
}


def statuses_of(name: ThreadStatusName | None) -> list[ThreadStatus] | None:
    """Ours that are shown as this."""
    return None if name is None else [status for status, shown in _SHOWN.items() if shown == name]


def shown_thread(thread: ThreadRecord) -> dict[str, Any]:
    """A thread that never ran has neither error nor interrupts."""
    shown: dict[str, Any] = {
        "thread_id": thread.thread_id,
        "created_at": moment(thread.created_at),
        "updated_at": moment(thread.updated_at),
        "state_updated_at": moment(thread.created_at),
        "metadata": thread.metadata,
        "status": _SHOWN[thread.status],
        "config": {} if thread.assistant_id is None else {"configurable": {}},
        "values": None,
    }
    if isinstance(thread, ThreadDetails) and thread.state_updated_at is not None:
        shown |= {
            "state_updated_at": moment(thread.state_updated_at),
            "values": thread.values,
            "error": failure(thread.error) if thread.status is ThreadStatus.ERROR else None,
            "interrupts": {one.id: [shown_interrupt(one)] for one in questions(thread.interrupts)},
        }
    return shown


_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d+)\]")


def extracted(shown: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """What is at each of these paths; null where there is nothing."""
    return {alias: _at(shown, path) for alias, path in paths.items()}


def _at(found: Any, path: str) -> Any:
    for name, number in _STEP.findall(path):
        if name and isinstance(found, Mapping):
            found = cast("Mapping[str, Any]", found).get(name)
        elif number and isinstance(found, list) and -len(cast("list[Any]", found)) <= int(number) < len(found):
            found = cast("list[Any]", found)[int(number)]
        else:
            return None
    return found
