"""Crons: `/runs/crons`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from ..contracts.crons import CronRecord
from ..contracts.errors import CronNotFoundError
from ..contracts.filters import Filter
from ..facade.runs import RunsFacade
from .callers import of_the_filter
from .context import Runs
from .cron_bodies import CronCount, CronCreate, CronPatch, CronSearch, ThreadCronCreate
from .cron_specs import body_of, cron_spec
from .cron_views import Cron, shown_cron
from .errors import invalid, refuse
from .ids import CronId, ThreadId, new_id
from .reading import existing
from .replies import Json, page, selected

router = APIRouter(tags=["Crons"])

_PAGE = 10


@router.post("/runs/crons", response_model=Cron)
async def create_cron(body: CronCreate, runs: Runs) -> Response:
    """Create a cron, each of whose runs has a thread of its own."""
    return await _create(runs, body, None)


@router.post("/threads/{thread_id}/runs/crons", response_model=Cron)
async def create_thread_cron(thread_id: ThreadId, body: ThreadCronCreate, runs: Runs) -> Response:
    """Create a cron whose runs are on a thread."""
    await existing(runs, thread_id)
    return await _create(runs, body, thread_id)


async def _create(runs: RunsFacade, body: CronCreate, thread_id: str | None) -> Response:
    spec = await cron_spec(runs, body, new_id(), thread_id)
    return Json(shown_cron(await runs.crons.create(spec), spec.run))


@router.post("/runs/crons/search", response_model=list[Cron])
async def search_crons(body: CronSearch, runs: Runs) -> Response:
    """Find crons; by default the newest first."""
    with of_the_filter() as matching:
        found = await _found(runs, body, matching, paused=None if body.enabled is None else not body.enabled)
        offset, limit = body.offset or 0, body.limit or _PAGE
        if body.sort_by == "next_run_date":
            found = await _described(runs, found)
        found.sort(key=lambda one: _place(one, body.sort_by or "created_at"), reverse=body.sort_order != "asc")
        rows = found[offset : offset + limit]
        if body.sort_by != "next_run_date":
            rows = await _described(runs, rows)
        shown = [selected(await _shown(runs, row), body.select) for row in rows]
    return page(shown, total=len(found), offset=offset)


@router.post("/runs/crons/count", response_model=int)
async def count_crons(body: CronCount, runs: Runs) -> Response:
    """How many crons there are."""
    with of_the_filter() as matching:
        return Json(len(await _found(runs, body, matching)))


@router.get("/runs/crons/{cron_id}", response_model=Cron)
async def get_cron(cron_id: CronId, runs: Runs) -> Response:
    """A cron."""
    cron = await runs.crons.get(cron_id)
    if cron is None:
        raise CronNotFoundError(cron_id)
    return Json(await _shown(runs, cron))


@router.patch("/runs/crons/{cron_id}", response_model=Cron)
async def update_cron(cron_id: CronId, body: CronPatch, runs: Runs) -> Response:
    """Change a cron, from its next run on."""
    changes = body.changes()
    if not changes:
        raise refuse(400, "No fields to update")
    cron = await runs.crons.get(cron_id)
    if cron is None:
        raise CronNotFoundError(cron_id)
    run = await runs.crons.get_run(cron_id)
    try:
        merged = body_of(run, on_thread=cron.thread_id is not None, changes=changes)
    except ValidationError as exc:
        raise invalid(exc) from exc
    spec = await cron_spec(runs, merged, cron_id, cron.thread_id)
    return Json(shown_cron(await runs.crons.update(cron_id, spec), spec.run))


@router.delete("/runs/crons/{cron_id}", status_code=204)
async def delete_cron(cron_id: CronId, runs: Runs) -> Response:
    """Remove a cron. Its runs stay as they are."""
    if not await runs.crons.delete(cron_id):
        raise CronNotFoundError(cron_id)
    return Response(status_code=204)


async def _found(
    runs: RunsFacade, body: CronCount, matching: Filter | None, *, paused: bool | None = None
) -> list[CronRecord]:
    names = {} if body.assistant_id is None else {"assistant_id": body.assistant_id.lower()}
    wanted = {**(body.metadata or {}), **names}
    return await runs.crons.find(thread_id=body.thread_id, paused=paused, metadata=wanted, matching=matching)


async def _described(runs: RunsFacade, crons: Sequence[CronRecord]) -> list[CronRecord]:
    """With when they fire next; those that were removed meanwhile are left out."""
    found = [await runs.crons.get(cron.cron_id) for cron in crons]
    return [cron for cron in found if cron is not None]


async def _shown(runs: RunsFacade, cron: CronRecord) -> dict[str, Any]:
    return shown_cron(cron, await runs.crons.get_run(cron.cron_id))


_LAST = datetime.max.replace(tzinfo=UTC)


def _place(cron: CronRecord, by: str) -> Any:
    match by:
        case "next_run_date":
            return cron.next[0] if cron.next else _LAST
        case "end_time":
            return cron.ends_at or _LAST
        case "updated_at":
            return cron.updated_at or cron.created_at
        case "created_at":
            return cron.created_at
        case "assistant_id":
            return str(cron.metadata.get(by, ""))
        case _:
            return str(getattr(cron, by) or "")
