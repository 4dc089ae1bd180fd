"""What a Python program uses: `RunsFacade`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .crons import Crons
    from .planner import ExecutionPlanner, RunPlan
    from .runs import RunsFacade

__all__ = ["Crons", "ExecutionPlanner", "RunPlan", "RunsFacade"]

_LAZY = {"Crons": "crons", "ExecutionPlanner": "planner", "RunPlan": "planner", "RunsFacade": "runs"}


def __getattr__(name: str) -> Any:
    # A planner makes traces, and who only reads records loads none of that.
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
