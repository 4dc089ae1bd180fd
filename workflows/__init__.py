"""The workflows: decisions only. No clock, no random, no I/O, nothing whose order is not fixed."""

from .notify import NotifyWorkflow
from .probe import ProbeWorkflow
from .run import RunWorkflow
from .state import StateWorkflow
from .thread import ThreadWorkflow

__all__ = ["NotifyWorkflow", "ProbeWorkflow", "RunWorkflow", "StateWorkflow", "ThreadWorkflow"]
