"""What a Python program uses: `RunsFacade`."""

from .planner import ExecutionPlanner, RunPlan
from .runs import RunsFacade

__all__ = ["ExecutionPlanner", "RunPlan", "RunsFacade"]
