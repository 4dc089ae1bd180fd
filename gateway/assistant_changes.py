"""Assistants that clients make: `/assistants`. Those of graphs stay as they are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from ..contracts.assistants import AssistantFields
from ..contracts.types import RunStatus
from ..facade.runs import RunsFacade
from .assistant_bodies import AssistantCreate, AssistantPatch, VersionChange, VersionsQuery
from .assistant_views import Assistant, Version, record_of, shown_assistant, shown_version
from .bodies import MOST
from .context import Runs
from .errors import TWICE, refuse, unknown_graph
from .graph_names import Chosen, chosen_assistant
from .ids import AssistantId, new_id
from .replies import Json, page

router = APIRouter(tags=["Assistants"])

_PAGE = 10
_AT_WORK = [status for status in RunStatus if not status.terminal]


@router.post("/assistants", response_model=Assistant)
async def create_assistant(body: AssistantCreate, runs: Runs) -> Response:
    """Create an assistant."""
    _check_one(body)
    await _check_graph(runs, body.graph_id)
    if body.assistant_id is not None and (there := await _of_a_graph(runs, body.assistant_id)) is not None:
        if body.if_exists != "do_nothing":
            raise refuse(409, f"Assistant {body.assistant_id} already exists")
        return Json(shown_assistant(record_of(there)))
    fields = AssistantFields(**body.fields())
    assistant_id = body.assistant_id or new_id()
    made = await runs.assistants.create(fields, assistant_id=assistant_id.lower(), if_exists=body.if_exists or "raise")
    return Json(shown_assistant(made))


@router.patch("/assistants/{assistant_id}", response_model=Assistant)
async def update_assistant(assistant_id: AssistantId, body: AssistantPatch, runs: Runs) -> Response:
    """Make a new version of an assistant, which is the current one then."""
    _check_one(body)
    await _made_by_clients(runs, assistant_id)
    if body.graph_id is not None:
        await _check_graph(runs, body.graph_id)
    return Json(shown_assistant(await runs.assistants.update(assistant_id.lower(), **body.fields())))


@router.delete("/assistants/{assistant_id}", status_code=204)
async def delete_assistant(
    assistant_id: AssistantId, runs: Runs, delete_threads: Annotated[bool, Query()] = False
) -> Response:
    """Remove an assistant with its crons; its runs in flight are cancelled. `delete_threads`: with its threads."""
    chosen = await _made_by_clients(runs, assistant_id)
    its = {"assistant_id": chosen.id}
    for cron in await runs.crons.find(metadata=its):
        await runs.crons.delete(cron.cron_id)
    await _stop_runs(runs, chosen)
    while delete_threads and (found := (await runs.search_threads(metadata=its, limit=MOST)).threads):
        for thread in found:
            await runs.delete_thread(thread.thread_id)
    await runs.assistants.delete(chosen.id)
    return Response(status_code=204)


@router.post("/assistants/{assistant_id}/versions", response_model=list[Version])
async def list_versions(assistant_id: AssistantId, body: VersionsQuery, runs: Runs) -> Response:
    """The versions of an assistant, the newest first."""
    chosen = await chosen_assistant(runs, assistant_id)
    all_of_them = [record_of(chosen)] if chosen.record is None else await runs.assistants.versions(chosen.id)
    wanted = (body.metadata or {}).items()
    found = [one for one in all_of_them if wanted <= one.metadata.items()]
    offset = body.offset or 0
    rows = found[offset : offset + (body.limit or _PAGE)]
    return page([shown_version(row) for row in rows], total=len(found), offset=offset)


@router.post("/assistants/{assistant_id}/latest", response_model=Assistant)
async def set_latest(assistant_id: AssistantId, body: VersionChange, runs: Runs) -> Response:
    """Let a version be the current one."""
    chosen = await chosen_assistant(runs, assistant_id)
    if chosen.record is not None:
        return Json(shown_assistant(await runs.assistants.set_version(chosen.id, body.version)))
    if body.version != 1:
        raise refuse(404, f"Version {body.version} not found for assistant {assistant_id}")
    return Json(shown_assistant(record_of(chosen)))


async def _check_graph(runs: RunsFacade, graph_id: str) -> None:
    graphs = await runs.list_graphs(gone=True)
    if graph_id not in graphs:
        raise unknown_graph(graph_id, graphs)


def _check_one(body: AssistantPatch | AssistantCreate) -> None:
    if body.context and body.config is not None and body.config.configurable:
        raise refuse(400, TWICE)


async def _of_a_graph(runs: RunsFacade, assistant_id: str) -> Chosen | None:
    names = await runs.list_graphs(gone=True)
    return next((one for one in map(Chosen, names) if one.id == assistant_id.lower()), None)


async def _made_by_clients(runs: RunsFacade, assistant_id: str) -> Chosen:
    chosen = await chosen_assistant(runs, assistant_id)
    if chosen.record is None:
        raise refuse(409, f"Assistant {assistant_id} is that of graph {chosen.graph!r}, which stays as it is")
    return chosen


async def _stop_runs(runs: RunsFacade, chosen: Chosen) -> None:
    before: str | None = None
    while True:
        found = await runs.page_runs(status=_AT_WORK, assistant_id=chosen.graph, limit=MOST, before=before)
        for run in found.runs:
            if run.metadata.get("assistant_id") == chosen.id:
                await runs.cancel(run.run_id)
        if found.next is None:
            return
        before = found.next
