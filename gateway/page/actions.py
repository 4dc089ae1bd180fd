"""What can be done with a run from the page: answer, stop, begin again."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Response

from ...contracts.errors import RunStateError
from ...contracts.types import CancelAction, CheckpointRequest, RunCommand, RunRecord, RunScope, RunSpec, RunStatus
from ...facade.runs import RunsFacade
from ...facade.standstills import is_breakpoint
from ..bodies import Body
from ..context import Runs
from ..errors import refuse
from ..replies import Json
from ..run_bodies import RunCreate
from ..run_creation import planned
from .existing import STOPPED, can_go_on, existing_run, open_questions, shown_run

router = APIRouter(prefix="/ui/threads/{thread_id}/runs", include_in_schema=False)


class Begin(Body):
    """What begins a run. `metadata` is what an authorization handler adds to it."""

    metadata: dict[str, Any] | None = None


class Answer(Begin):
    """To what a run asks; of several questions an object of answers by their ids."""

    value: Any = None


class Fork(Begin):
    """Where a new run begins."""

    checkpoint_id: str


class Said(Begin):
    """What a graph is told in a chat."""

    assistant_id: str
    input: Any


class Stop(Body):
    """How a run is stopped."""

    action: CancelAction = CancelAction.INTERRUPT
    metadata: dict[str, Any] | None = None


@router.post("")
async def create_run(thread_id: str, body: Said, runs: Runs) -> Response:
    """A run that streams what it says."""
    modes: list[Literal["messages-tuple", "updates", "custom"]] = ["messages-tuple", "updates", "custom"]
    wanted = RunCreate.model_validate({**body.model_dump(), "stream_mode": modes, "if_not_exists": "create"})
    return await _begun(runs, await runs.create_background(await planned(runs, wanted, thread_id, None)))


@router.post("/{run_id}/answer")
async def answer(thread_id: str, run_id: str, body: Answer, runs: Runs) -> Response:
    """Answer a run that waits; of one that has ended at its question, a new run goes on with the answer."""
    run = await existing_run(runs, thread_id, run_id)
    if run.status is RunStatus.AWAITING_INPUT:
        await runs.resume(run_id, body.value)
        return await _begun(runs, await existing_run(runs, thread_id, run_id))
    asked = await open_questions(runs, run)
    if not asked:
        raise RunStateError(run_id, f"it asks nothing (any more): it is {run.status}")
    if body.value is None and not all(map(is_breakpoint, asked)):
        raise refuse(422, "value: null is no answer")
    command = None if all(map(is_breakpoint, asked)) else RunCommand(resume=body.value)
    return await _begun(runs, await _again(runs, run, body, command=command))


@router.post("/{run_id}/retry")
async def retry(thread_id: str, run_id: str, body: Begin, runs: Runs) -> Response:
    """A new run with what this one was asked to be."""
    await existing_run(runs, thread_id, run_id)
    return await _begun(runs, await runs.retry(run_id))


@router.post("/{run_id}/continue")
async def go_on(thread_id: str, run_id: str, body: Begin, runs: Runs) -> Response:
    """A new run that goes on where this one has stopped: what it has finished does not run again."""
    run = await existing_run(runs, thread_id, run_id)
    if not await can_go_on(runs, run):
        why = f"it is {run.status}" if run.status not in STOPPED else "its thread has gone on with another run"
        raise RunStateError(run_id, f"it has left nothing to go on with: {why}")
    return await _begun(runs, await _again(runs, run, body))


@router.post("/{run_id}/fork")
async def fork(thread_id: str, run_id: str, body: Fork, runs: Runs) -> Response:
    """A new run like this one that begins at a checkpoint."""
    run = await existing_run(runs, thread_id, run_id)
    if await runs.get_state(thread_id, body.checkpoint_id) is None:
        raise refuse(422, f"checkpoint_id: thread {thread_id} has no checkpoint {body.checkpoint_id}")
    request = CheckpointRequest(checkpoint_id=body.checkpoint_id)
    return await _begun(runs, await _again(runs, run, body, checkpoint_request=request))


@router.post("/{run_id}/cancel")
async def cancel(thread_id: str, run_id: str, body: Stop, runs: Runs) -> Response:
    """Stop it at once; `rollback` gives its thread back as it was before."""
    await existing_run(runs, thread_id, run_id)
    return Json({"accepted": await runs.cancel(run_id, action=body.action)})


@router.post("/{run_id}/interrupt")
async def interrupt(thread_id: str, run_id: str, runs: Runs) -> Response:
    """Stop it after the step that is under way."""
    await existing_run(runs, thread_id, run_id)
    return Json({"accepted": await runs.interrupt(run_id)})


async def _again(runs: RunsFacade, run: RunRecord, body: Begin, **changes: Any) -> RunRecord:
    """A run with the spec of another, without its input."""
    spec = await runs.get_spec(run.run_id)
    kept = {name: getattr(spec, name) for name in RunSpec.model_fields if name not in _NOT_AGAIN}
    wanted: dict[str, Any] = {
        **kept,
        "scope": RunScope(thread_id=run.thread_id),
        "metadata": {**spec.metadata, **(body.metadata or {})},
        "follow_up_to_run_id": run.run_id,
        **changes,
    }
    return await runs.create_background(RunSpec(**wanted))


_NOT_AGAIN = ("run_id", "input", "command", "checkpoint_request", "after_seconds", "on_completion", "webhook")


async def _begun(runs: RunsFacade, run: RunRecord) -> Response:
    return Json(await shown_run(runs, run))
