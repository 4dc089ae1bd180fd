"""A cron as the API shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ..contracts.crons import CronRecord
from ..contracts.types import RunSpec
from .cron_specs import CRON
from .ids import assistant_of
from .replies import moment

_BY_WHICH_FOUND = ("assistant_id", "graph_id")


class Cron(BaseModel):
    """A cron."""

    cron_id: str
    assistant_id: str
    thread_id: str | None
    on_run_completed: str | None
    end_time: str | None
    schedule: str
    timezone: str | None
    created_at: str
    updated_at: str
    payload: dict[str, Any]
    user_id: str | None
    next_run_date: str | None
    metadata: dict[str, Any]
    enabled: bool


def shown_cron(cron: CronRecord, run: RunSpec) -> dict[str, Any]:
    """With what each of its runs is asked to be."""
    asked: dict[str, Any] = run.annotations.get(CRON, {})
    assistant_id = cron.metadata.get("assistant_id", assistant_of(cron.assistant_id))
    return {
        "cron_id": cron.cron_id,
        "assistant_id": assistant_id,
        "thread_id": cron.thread_id,
        "on_run_completed": None if cron.thread_id is not None else run.on_completion,
        "end_time": moment(cron.ends_at),
        "schedule": cron.schedule,
        "timezone": asked.get("timezone", None if CRON in run.annotations else cron.timezone),
        "created_at": moment(cron.created_at),
        "updated_at": moment(cron.updated_at or cron.created_at),
        "payload": _payload(run, assistant_id, cron.cron_id),
        "user_id": cron.user_id,
        "next_run_date": moment(cron.next[0]) if cron.next else None,
        "metadata": {key: value for key, value in cron.metadata.items() if key not in _BY_WHICH_FOUND},
        "enabled": not cron.paused,
    }


def _payload(run: RunSpec, assistant_id: str, cron_id: str) -> dict[str, Any]:
    """As the client has sent it, but for the ids."""
    asked: dict[str, Any] = run.annotations.get(CRON, {})
    config: dict[str, Any] = asked.get("config", {})
    configurable = {**config.get("configurable", {}), "cron_id": cron_id}
    ids = {"assistant_id": assistant_id, "config": {**config, "configurable": configurable}}
    return {**asked, "input": run.input, **ids}
