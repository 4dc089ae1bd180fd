"""The states of a thread: looked at, and changed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ...contracts.errors import ConfigError, UnavailableError
from ...contracts.threads import ThreadSnapshot
from ...facade.runs import RunsFacade
from ..bodies import Body
from ..context import Runs
from ..errors import refuse
from ..replies import Json
from .views import checkpoint

router = APIRouter(prefix="/ui/threads/{thread_id}", include_in_schema=False)

_MOST = 200


class Change(Body):
    """Of a state, as if a node had returned it."""

    values: Any
    as_node: str | None = None
    checkpoint_id: str | None = None


@router.get("/history")
async def get_history(
    thread_id: str, runs: Runs, limit: Annotated[int, Query(ge=1, le=_MOST)] = 30, before: str | None = None
) -> Response:
    """Its checkpoints, the newest first, without their values."""
    found = await _history(runs, thread_id, limit + 1, before or None)
    return Json({"checkpoints": [checkpoint(one) for one in found[:limit]], "more": len(found) > limit})


async def _history(runs: RunsFacade, thread_id: str, limit: int, before: str | None) -> list[ThreadSnapshot]:
    try:
        return await runs.history(thread_id, limit=limit, before=before, stored=True)
    except ConfigError:  # it is in a worker's memory
        return await runs.history(thread_id, limit=limit, before=before)


@router.get("/state")
async def get_state(thread_id: str, runs: Runs, checkpoint_id: str | None = None) -> Response:
    """Its state, as its graph shows it; as it is stored, where no worker is there to show it."""
    state = await _state(runs, thread_id, checkpoint_id or None)
    if state is None:
        raise refuse(404, f"Thread with ID {thread_id} has no such state")
    return Json(state.model_dump(mode="json"))


async def _state(runs: RunsFacade, thread_id: str, checkpoint_id: str | None) -> ThreadSnapshot | None:
    try:
        return await runs.get_state(thread_id, checkpoint_id)
    except UnavailableError:
        return await runs.get_state(thread_id, checkpoint_id, stored=True)


@router.post("/state")
async def update_state(thread_id: str, body: Change, runs: Runs) -> Response:
    """Write into it, which makes a new checkpoint."""
    made = await runs.update_state(
        thread_id, body.values, as_node=body.as_node or None, checkpoint_id=body.checkpoint_id
    )
    return Json(None if made is None else checkpoint(made))
