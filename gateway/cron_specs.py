"""From what a client has sent about a cron to a `CronSpec`, and back."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from ..contracts.crons import CronSpec
from ..contracts.types import RunSpec
from ..facade.runs import RunsFacade
from .cron_bodies import CronCreate, ThreadCronCreate
from .errors import invalid, refuse
from .graph_names import Chosen, chosen_assistant
from .run_creation import check_context, spec_of, with_context

_API_NAMES = {"ends_at": "end_time", "paused": "enabled"}
CRON = "langgraph_api_cron"
"""The annotation that has the request of a cron, without the input of its runs."""


async def cron_spec(runs: RunsFacade, body: CronCreate, cron_id: str, thread_id: str | None) -> CronSpec:
    """Raises 400, 404 and 422, with nothing written."""
    check_context(body)
    chosen = await chosen_assistant(runs, body.assistant_id)
    if chosen.graph not in await runs.list_graphs(gone=True):
        raise refuse(404, f"Assistant {body.assistant_id!r} not found")
    body = await with_context(runs, body, chosen)
    run = spec_of(body.model_copy(update={"on_completion": body.on_run_completed}), chosen, None, thread_id)
    try:
        return CronSpec(
            schedule=body.schedule,
            run=_of_cron(run, body, cron_id),
            cron_id=cron_id,
            timezone=body.timezone or "UTC",
            ends_at=body.end_time,
            paused=body.enabled is False,
            metadata={**(body.metadata or {}), **names(chosen)},
        )
    except ValidationError as exc:
        raise invalid(exc, _API_NAMES) from exc


def names(chosen: Chosen) -> dict[str, Any]:
    """Beside the metadata of a cron: by what it is found."""
    return {"assistant_id": chosen.id, "graph_id": chosen.graph}


def body_of(run: RunSpec, *, on_thread: bool, changes: dict[str, Any]) -> CronCreate:
    """The request again, with changes. Raises pydantic's errors."""
    kept = run.annotations.get(CRON)
    if kept is None:
        raise refuse(409, "this cron was made by a Python program, which has to change it")
    merged = {**kept, "input": run.input, **changes}
    merged["metadata"] = {**(kept.get("metadata") or {}), **(changes.get("metadata") or {})}
    return (ThreadCronCreate if on_thread else CronCreate).model_validate(merged)


def _of_cron(run: RunSpec, body: CronCreate, cron_id: str) -> RunSpec:
    configurable = {**run.runnable_config.get("configurable", {}), "cron_id": cron_id}
    asked = body.model_dump(mode="json", exclude_none=True, exclude={"input"})
    changed = {
        "runnable_config": {**run.runnable_config, "configurable": configurable},
        "annotations": {**run.annotations, CRON: asked},
    }
    return run.model_copy(update=changed)
