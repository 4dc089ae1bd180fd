"""Whose the thing is that a request acts on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..facade.runs import RunsFacade
from .event_values import Asked
from .ids import is_assistant_id
from .json_values import object_of


@dataclass(frozen=True, slots=True)
class Owned:
    """A thread, a cron, or an assistant that was made."""

    metadata: Mapping[str, Any]
    user_id: str | None
    detail: str
    """What is answered where it is not to be found."""


async def owned(runs: RunsFacade, asked: Asked) -> Owned | None:
    """The thing; `None`: there is no such thing, or it is nobody's. Asked on nobody's behalf."""
    if (thread_id := await _thread(runs, asked)) is not None:
        thread = await runs.get_thread(thread_id)
        missing = f"Thread with ID {thread_id} not found"
        return None if thread is None else Owned(thread.metadata, thread.user_id, missing)
    if (cron_id := asked.match.values.get("cron_id")) is not None:
        cron = await runs.crons.get(cron_id)
        return None if cron is None else Owned(cron.metadata, cron.user_id, f"Cron {cron_id!r} not found")
    name = asked.match.values.get("assistant_id")
    if asked.match.rule.resource != "assistants" or name is None or not is_assistant_id(name):
        return None
    assistant = await runs.assistants.get(name.lower())
    missing = f"Assistant with ID {name} not found"
    return None if assistant is None else Owned(assistant.metadata, assistant.user_id, missing)


async def _thread(runs: RunsFacade, asked: Asked) -> str | None:
    values = asked.match.values
    if "thread_id" in values or asked.match.rule.resource != "threads":
        return values.get("thread_id")
    if (run_id := values.get("run_id")) is not None:
        run = await runs.get_run(run_id)
        return None if run is None else run.thread_id
    given = object_of(asked.body).get("thread_id")
    return given if isinstance(given, str) else None
