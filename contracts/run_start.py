"""How a run's workflow is started, by its thread, or by the client where a run has its thread to itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from temporalio.common import TypedSearchAttributes, WorkflowIDReusePolicy

from .search_attributes import run_attributes
from .wire import RunInput, run_workflow_id
from .wire_thread import WORKFLOW_TASK_TIMEOUT, Submission


class RunStart(TypedDict):
    """Options of Temporal's, which a client and a workflow call by the same names."""

    id: str
    id_reuse_policy: WorkflowIDReusePolicy
    task_timeout: timedelta
    search_attributes: TypedSearchAttributes
    static_summary: str


def run_start(run: RunInput, submission: Submission) -> RunStart:
    """Once for each run id, for ever: a run that has ended does not begin again."""
    return {
        "id": run_workflow_id(run.run_id),
        "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE,
        "task_timeout": WORKFLOW_TASK_TIMEOUT,
        "search_attributes": run_attributes(run, submission.user_attribute),
        "static_summary": submission.summary,
    }
