"""The states of threads: `/threads/{thread_id}/state` and `/history`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Response

from ..contracts.threads import ThreadSnapshot
from ..facade.runs import RunsFacade
from .context import Context, InContext, Runs
from .errors import refuse
from .ids import CheckpointId, ThreadId
from .metadata import shown_metadata
from .reading import existing, shown
from .replies import JSON, Json
from .state_updates import change_state, checkpoint_id_of
from .state_views import StateUpdated, ThreadState, address, shown_state
from .thread_bodies import HistoryQuery, StateAt, StateUpdate

router = APIRouter(tags=["Threads"])

_CHUNK = 50
"""States that are read at once while some of them are looked for."""


@router.get("/threads/{thread_id}/state", response_model=ThreadState)
async def get_state(thread_id: ThreadId, context: InContext, subgraphs: bool = False) -> Response:
    """The state of a thread now."""
    return await _state(context, thread_id, None, subgraphs=subgraphs)


@router.get("/threads/{thread_id}/state/{checkpoint_id}", response_model=ThreadState)
async def get_state_at(
    thread_id: ThreadId, checkpoint_id: CheckpointId, context: InContext, subgraphs: bool = False
) -> Response:
    """The state of a thread at a checkpoint; an empty one where there is none."""
    return await _state(context, thread_id, checkpoint_id, subgraphs=subgraphs)


async def _state(context: Context, thread_id: str, checkpoint_id: str | None, *, subgraphs: bool) -> Response:
    found = await context.states.answer(context.runs, thread_id, checkpoint_id, subgraphs=subgraphs)
    return Response(found, media_type=JSON)


@router.post("/threads/{thread_id}/state/checkpoint", response_model=ThreadState)
async def get_state_by_checkpoint(thread_id: ThreadId, body: StateAt, runs: Runs) -> Response:
    """The state of a thread at a checkpoint; of a subgraph, if the checkpoint is one of its own."""
    checkpoint = body.checkpoint
    if checkpoint.checkpoint_ns:
        found = await _below(runs, thread_id, checkpoint.checkpoint_ns, checkpoint.checkpoint_id)
    else:
        found = await shown(runs, thread_id, checkpoint.checkpoint_id)
    return Json(shown_state(found, subgraphs=bool(body.subgraphs)))


async def _below(runs: RunsFacade, thread_id: str, namespace: str, checkpoint_id: str | None) -> ThreadSnapshot | None:
    """The state of a subgraph as it stands now."""
    found, wanted = await shown(runs, thread_id), tuple(namespace.split("|"))
    while found is not None and found.namespace != wanted:
        nested = (task.state for task in found.tasks if task.namespace == wanted[: len(task.namespace)])
        found = next((state for state in nested if state is not None), None)
    return found if found is not None and checkpoint_id in (None, found.checkpoint_id) else None


@router.post("/threads/{thread_id}/state", response_model=StateUpdated)
async def update_state(thread_id: ThreadId, body: StateUpdate, runs: Runs) -> Response:
    """Write values into the state of a thread."""
    await existing(runs, thread_id)
    checkpoint_id = checkpoint_id_of(body.checkpoint, body.checkpoint_id, "checkpoint")
    made = await change_state(runs, thread_id, body.values, as_node=body.as_node, checkpoint_id=checkpoint_id)
    where = address(thread_id, made.checkpoint_id)
    return Json({"checkpoint": where, "configurable": where, "checkpoint_id": made.checkpoint_id})


@router.post("/threads/{thread_id}/history", response_model=list[ThreadState])
async def search_history(thread_id: ThreadId, body: HistoryQuery, runs: Runs) -> Response:
    """The states of a thread, the newest first."""
    return await _history(runs, thread_id, body, limit=body.limit or 1)


@router.get("/threads/{thread_id}/history", response_model=list[ThreadState])
async def get_history(
    thread_id: ThreadId,
    runs: Runs,
    limit: Annotated[int, Query(ge=1, le=1000)] = 10,
    before: str | None = None,
) -> Response:
    """The states of a thread, the newest first."""
    return await _history(runs, thread_id, HistoryQuery(before=before), limit=limit)


async def _history(runs: RunsFacade, thread_id: str, body: HistoryQuery, *, limit: int) -> Response:
    thread = await existing(runs, thread_id)
    if thread.assistant_id is None:
        return Json([])
    at, before = checkpoint_id_of(body.checkpoint, None, "checkpoint"), _before(body.before)
    found: list[ThreadSnapshot] = []
    if at is not None:  # the history as it ends there
        newest = await runs.get_state(thread_id, at)
        found = [] if newest is None else [newest]
        before = at
    found = [state for state in found if _has(state, body.metadata)]
    while len(found) < limit:
        wanted = _CHUNK if body.metadata else limit - len(found)
        part = await runs.history(thread_id, limit=wanted, before=before)
        found += [state for state in part if _has(state, body.metadata)]
        if len(part) < wanted:
            break
        before = part[-1].checkpoint_id
    return Json([shown_state(state) for state in found[:limit]])


def _has(state: ThreadSnapshot, wanted: Mapping[str, Any] | None) -> bool:
    shown = shown_metadata(state.metadata)
    return all(key in shown and shown[key] == value for key, value in (wanted or {}).items())


def _before(given: str | Mapping[str, Any] | None) -> str | None:
    """A checkpoint's id, a checkpoint, or a config."""
    if given is None or isinstance(given, str):
        return given
    inside = given.get("configurable", given)
    found = cast("Mapping[str, Any]", inside).get("checkpoint_id") if isinstance(inside, Mapping) else None
    if not isinstance(found, str):
        raise refuse(422, "before: a checkpoint, its id, or a config with its checkpoint_id")
    return found
