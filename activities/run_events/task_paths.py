"""The paths of LangGraph's tasks: `node:id|inner:id`, as its callbacks and its checkpoints' namespaces write them.

A numeric part counts the calls of subgraphs in one task. A subgraph with a history of its own has parts without ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from ...contracts.langgraph_names import PUSH


def task_path(metadata: Mapping[str, Any]) -> str:
    """The path of the task in which a callback was called, empty outside of any."""
    return str(metadata.get("langgraph_checkpoint_ns") or "")


def is_node(name: str | None, metadata: Mapping[str, Any]) -> bool:
    """Whether a chain of this name is the execution of a node, and not a part of one."""
    return name == metadata.get("langgraph_node")


def around(path: str) -> Iterator[str]:
    """The task's path and those of the tasks around it, the outermost first."""
    return accumulate(path.split("|"), lambda outer, part: f"{outer}|{part}")


def ids_in(path: str) -> list[str]:
    """The ids of the task and of those around it."""
    return [part.rpartition(":")[2] for part in path.split("|")]


def seal_of(path: str, task_id: str) -> str:
    """The part of a path that leads to a task in it."""
    return "|".join(path.split("|")[: ids_in(path).index(task_id) + 1])


def task_in(path: str, namespace: str) -> str | None:
    """The part of a path that leads to a task of the graph in `namespace`; `None` if it leads elsewhere."""
    outer = f"{namespace}|" if namespace else ""
    part = path.removeprefix(outer).partition("|")[0]
    # Else it is in another call of a subgraph by the same task.
    return outer + part if path.startswith(outer) and not part.isdigit() else None


def in_subgraph(metadata: Mapping[str, Any]) -> bool:
    """A `@task` runs in the graph of its caller, but its path has a part for each call around it."""
    calls, path = 1, metadata.get("langgraph_path", ())
    while len(path) == 4 and path[0] == PUSH and path[-1] is True:
        calls, path = calls + 1, path[1]
    return sum(not part.isdigit() for part in task_path(metadata).split("|")) > calls
