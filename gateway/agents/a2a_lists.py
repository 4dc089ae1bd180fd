"""Lists of tasks."""

from __future__ import annotations

from a2a.types import ListTasksRequest, ListTasksResponse, TaskState
from a2a.utils.constants import DEFAULT_LIST_TASKS_PAGE_SIZE, MAX_LIST_TASKS_PAGE_SIZE

from ...contracts.types import RunStatus
from ...facade.runs import RunsFacade
from .a2a_tasks import STATES, task_of


async def page_of(runs: RunsFacade, graph: str, params: ListTasksRequest) -> ListTasksResponse:
    """The newest first. `total_size` is that of the page: nobody has counted the others."""
    size = min(params.page_size or DEFAULT_LIST_TASKS_PAGE_SIZE, MAX_LIST_TASKS_PAGE_SIZE)
    page = await runs.page_runs(
        params.context_id or None,
        status=_statuses(params.status),
        assistant_id=graph,
        limit=size,
        before=params.page_token or None,
    )
    history = params.history_length if params.HasField("history_length") else 0
    tasks = [await task_of(runs, run, history) for run in page.runs]
    return ListTasksResponse(tasks=tasks, next_page_token=page.next or "", page_size=size, total_size=len(tasks))


def _statuses(wanted: TaskState) -> list[RunStatus]:
    """Ours that are shown as this; by default all but what was rolled back, and is gone."""
    shown = [status for status in RunStatus if status is not RunStatus.ROLLED_BACK]
    return [one for one in shown if wanted in (TaskState.TASK_STATE_UNSPECIFIED, STATES[one])]
