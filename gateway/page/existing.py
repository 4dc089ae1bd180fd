"""Runs and threads of any id, also of those that the API does not show: Python programs name them as they like."""

from __future__ import annotations

from typing import Any

from ...contracts.types import RunInterrupt, RunRecord, RunStatus
from ...facade.runs import RunsFacade
from ...facade.standstills import stopped_at_question
from ..errors import refuse
from .views import whole

STOPPED = (RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.INTERRUPTED)
"""What has left something undone."""


async def existing_run(runs: RunsFacade, thread_id: str, run_id: str) -> RunRecord:
    """Raises 404, also for one of another thread."""
    run = await runs.get_run(run_id)
    if run is None or run.thread_id != thread_id:
        raise refuse(404, f"Run with ID {run_id} not found")
    return run


async def shown_run(runs: RunsFacade, run: RunRecord) -> dict[str, Any]:
    """With its questions, and whether they can be answered."""
    asked = await open_questions(runs, run)
    why = await runs.overview.explain([run])
    tokens = await runs.overview.tokens([run])
    goes_on = await can_go_on(runs, run)
    return whole(run, why.get(run.run_id), tokens.get(run.run_id), asked, answerable=bool(asked), can_go_on=goes_on)


async def open_questions(runs: RunsFacade, run: RunRecord) -> tuple[RunInterrupt, ...]:
    """Those of a run that waits, or that has ended at them and is its thread's last."""
    if run.status is RunStatus.AWAITING_INPUT:
        return await runs.overview.questions(run.run_id)
    if not stopped_at_question(run):
        return ()
    return await runs.overview.questions(run.run_id) if await _is_last(runs, run) else ()


async def can_go_on(runs: RunsFacade, run: RunRecord) -> bool:
    """Whether another run could go on where it has stopped: nothing has been done to its thread since."""
    return run.status in STOPPED and await _is_last(runs, run)


async def _is_last(runs: RunsFacade, run: RunRecord) -> bool:
    newest = await runs.list_runs(run.thread_id, limit=1)
    return [one.run_id for one in newest] == [run.run_id]
