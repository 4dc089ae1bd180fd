"""A run as the API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from ..contracts.auth_user import AUTH_KEYS
from ..contracts.types import RunRecord, RunSpec, RunStatus
from .ids import assistant_of
from .replies import moment
from .run_bodies import StatusName
from .run_specs import API, asked_modes


class Run(BaseModel):
    """A run."""

    run_id: str
    thread_id: str
    assistant_id: str
    created_at: str
    updated_at: str
    status: StatusName
    metadata: dict[str, Any]
    kwargs: dict[str, Any]
    multitask_strategy: str


_SHOWN: dict[RunStatus, StatusName] = {
    RunStatus.PENDING: "pending",
    RunStatus.RUNNING: "running",
    RunStatus.AWAITING_INPUT: "success",
    RunStatus.SUCCESS: "success",
    RunStatus.ERROR: "error",
    RunStatus.TIMEOUT: "timeout",
}


def shown_status(run: RunRecord) -> StatusName:
    """What has stopped at a question of its graph is done; what a person has stopped is interrupted."""
    if run.status is RunStatus.INTERRUPTED:
        return "success" if run.cancel_action is None else "interrupted"
    return _SHOWN[run.status]


def statuses_of(name: str) -> list[RunStatus]:
    """Ours that may be shown as this; none, if there is no such status."""
    beside = [RunStatus.INTERRUPTED] if name in ("success", "interrupted") else []
    return [*(status for status, shown in _SHOWN.items() if shown == name), *beside]


def is_gone(run: RunRecord) -> bool:
    """A run that was rolled back is as good as deleted."""
    return run.status is RunStatus.ROLLED_BACK


def shown_run(run: RunRecord, spec: RunSpec) -> dict[str, Any]:
    """With what it was asked to be."""
    return shown_with(run, asked_to_be(run, spec))


def asked_to_be(run: RunRecord, spec: RunSpec) -> dict[str, Any]:
    """What never changes of a run."""
    return {
        "assistant_id": assistant_id_of(run, spec),
        "created_at": moment(run.created_at + timedelta(seconds=spec.after_seconds)),
        "kwargs": _kwargs(run, spec),
    }


def shown_with(run: RunRecord, asked: Mapping[str, Any]) -> dict[str, Any]:
    """With this of it."""
    return {
        "run_id": run.run_id,
        "thread_id": run.thread_id,
        "assistant_id": asked["assistant_id"],
        "created_at": asked["created_at"],
        "updated_at": moment(run.updated_at),
        "metadata": run.metadata,
        "status": shown_status(run),
        "kwargs": asked["kwargs"],
        "multitask_strategy": str(run.multitask_strategy),
        "langsmith_session_name": None,
    }


def assistant_id_of(run: RunRecord, spec: RunSpec) -> str:
    """Of the assistant that the run was created with; that of its graph, if a Python program has created it."""
    return str(run.metadata["assistant_id"]) if API in spec.annotations else assistant_of(run.assistant_id)


def _shown(configurable: Mapping[str, Any]) -> dict[str, Any]:
    """What an authenticator tells of its user is for nodes: there may be tokens in it."""
    return {key: value for key, value in configurable.items() if key not in AUTH_KEYS}


def _kwargs(run: RunRecord, spec: RunSpec) -> dict[str, Any]:
    asked = asked_of(spec)
    configurable = {**asked["config"]["configurable"], "run_id": run.run_id, "thread_id": run.thread_id}
    return {**asked, "config": {**asked["config"], "configurable": configurable}, "temporary": run.temporary}


def asked_of(spec: RunSpec) -> dict[str, Any]:
    """What a run is asked to be."""
    asked = spec.annotations.get(API, {})
    command = spec.command
    return {
        "input": spec.input,
        "command": None if command is None else command.model_dump(mode="json"),
        "config": {**spec.runnable_config, "configurable": _shown(spec.runnable_config.get("configurable", {}))},
        "context": spec.context or {},
        "stream_mode": asked_modes(spec),
        "interrupt_before": spec.interrupt_before or None,
        "interrupt_after": spec.interrupt_after or None,
        "webhook": spec.webhook,
        "feedback_keys": asked.get("feedback_keys"),
        "subgraphs": spec.stream_subgraphs,
        "resumable": True,
        "checkpoint_during": spec.durability != "exit",
        "durability": spec.durability or "sync",
    }
