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
    goes_on = await can_go_on(runs, run)
    asked = await _open_questions(runs, run, is_last=goes_on)
    why = await runs.overview.explain([run])
    tokens = await runs.overview.tokens([run])
    return whole(run, why.get(run.run_id), tokens.get(run.run_id), asked, answerable=bool(asked), can_go_on=goes_on)


async def open_questions(runs: RunsFacade, run: RunRecord) -> tuple[RunInterrupt, ...]:
    """Those of a run that waits, or that has ended at them and is its thread's last."""
    return await _open_questions(runs, run, is_last=await can_go_on(runs, run))


async def can_go_on(runs: RunsFacade, run: RunRecord) -> bool:
    """Whether another run could go on where it has stopped: it is its thread's last."""
    if run.status not in STOPPED:
        return False
    newest = await runs.list_runs(run.thread_id, limit=1)
    return [one.run_id for one in newest] == [run.run_id]


async def _open_questions(runs: RunsFacade, run: RunRecord, *, is_last: bool) -> tuple[RunInterrupt, ...]:
    asks = run.status is RunStatus.AWAITING_INPUT or (is_last and stopped_at_question(run))
    return await runs.overview.questions(run.run_id) if asks else ()
