"""The workflows: decisions only. No clock, no random, no I/O, nothing whose order is not fixed."""

from .fire_workflow import FireWorkflow
from .notify_workflow import NotifyWorkflow
from .probe_workflow import ProbeWorkflow
from .run_workflow import RunWorkflow
from .state_workflow import StateWorkflow
from .thread_workflow import ThreadWorkflow

WORKFLOWS = (RunWorkflow, ThreadWorkflow, NotifyWorkflow, ProbeWorkflow, StateWorkflow, FireWorkflow)
"""What a worker registers."""

__all__ = [
    "WORKFLOWS",
    "FireWorkflow",
    "NotifyWorkflow",
    "ProbeWorkflow",
    "RunWorkflow",
    "StateWorkflow",
    "ThreadWorkflow",
]
