"""What a thread asks, and nobody has answered yet."""

from __future__ import annotations

from typing import Any, cast

from ...contracts.types import RunInterrupt, RunStatus
from ...facade.runs import RunsFacade
from ..bodies import MOST
from ..questions import questions

_AT_WORK = (RunStatus.PENDING, RunStatus.RUNNING)


async def open_questions(runs: RunsFacade, thread_id: str) -> list[RunInterrupt]:
    """Those that no run answers that is under way; a run with an input of its own drops them all."""
    details = await runs.get_thread_details(thread_id)
    asked = [] if details is None else questions(details.interrupts)
    if not asked:
        return asked
    answered: set[str] = set()
    for run in (await runs.page_runs(thread_id, status=_AT_WORK, limit=MOST)).runs:
        command = (await runs.get_spec(run.run_id)).command
        answers: Any = None if command is None else command.resume
        if not isinstance(answers, dict):
            return []
        answered.update(cast("dict[str, Any]", answers))
    return [one for one in asked if one.id not in answered]


async def newest_run(runs: RunsFacade, thread_id: str) -> str | None:
    """Looked for before its questions are: who answers them at the same time finds the same one."""
    found = await runs.list_runs(thread_id, limit=1)
    return found[0].run_id if found else None


async def waiting_run(runs: RunsFacade, thread_id: str) -> str | None:
    """The run that is held open until it is answered, as a Python program's are."""
    found = await runs.page_runs(thread_id, status=RunStatus.AWAITING_INPUT, limit=1)
    return found.runs[0].run_id if found.runs else None
