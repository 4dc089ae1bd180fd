"""What crosses Temporal where a worker does not serve a graph."""

from __future__ import annotations

from .wire import Wire


class NotServed(Wire):
    """The details of the error with which a worker sends on what it cannot do: others serve the graph."""

    begun: int = 0
    """The number of the run's last attempt that may have begun."""
    lost: bool = False
    """The attempt before this one has lost its worker."""


SHORT = "-short"
"""The end of the name of each `short_task_queue`."""


def short_task_queue(task_queue: str) -> str:
    """The task queue of activities that must not wait for a slot behind the slices of all runs."""
    return task_queue + SHORT


def own_task_queue(task_queue: str, worker: str) -> str:
    """The task queue of one worker, on which it is asked for the graphs that it holds."""
    return f"{task_queue}-{worker}"


def graph_task_queue(task_queue: str, graph: str) -> str:
    """The task queue that is polled by the workers that serve a graph, and by no others."""
    return f"{task_queue}-graph-{graph}"
