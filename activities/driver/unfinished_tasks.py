"""The tasks of a run's graphs that have not ended, at any depth, as the stream tells of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from langgraph.pregel import Pregel

from ..graphs.graph_registry import CompiledGraph
from ..stream.outgoing import Namespace


class Unfinished:
    """What the stream has not told yet counts as unfinished: better a pause later than one beside a node at work.

    So does a task that has failed, to the end of its superstep: an error handler may be at work for it, and nothing
    tells when that begins.
    """

    def __init__(self, graph: CompiledGraph) -> None:
        self._graph = graph
        self._tasks: dict[Namespace, dict[str, str]] = {}
        """Of the superstep of each graph: id to name."""

    def on_checkpoint(self, ns: Namespace, checkpoint: Mapping[str, Any]) -> None:
        """A graph begins a superstep."""
        if not ns:
            self._tasks.clear()
        self._tasks[ns] = {str(task["id"]): str(task["name"]) for task in checkpoint["tasks"] if "result" not in task}

    def on_result(self, ns: Namespace, result: Mapping[str, Any]) -> None:
        """A task has ended."""
        if not result["error"]:
            self._tasks.get(ns, {}).pop(str(result["id"]), None)

    def at_rest(self, standing: Collection[Namespace], ns: Namespace = ()) -> bool:
        """Whether nothing is at work in the graph of `ns`, when those of `standing` stand at a saved superstep."""
        if ns in standing or _without_ids(ns) in standing:
            return True
        tasks = self._tasks.get(ns)
        return bool(tasks) and all(
            self._may_stand(ns, name) and self.at_rest(standing, (*ns, f"{name}:{id}")) for id, name in tasks.items()
        )

    @property
    def function_at_work(self) -> bool:
        """Whether any task is a function, which may call a graph: one that stops there makes it begin again."""
        return any(self._node(ns, name) is None for ns, tasks in self._tasks.items() for name in tasks.values())

    def _may_stand(self, ns: Namespace, name: str) -> bool:
        """Not where LangGraph measures its time, nor before a breakpoint: picked up there, it would pass."""
        found = self._node(ns, name)
        if found is None or _has_breakpoints(found[1].bound):
            return False
        return found[0].step_timeout is None and found[1].timeout is None

    def _node(self, ns: Namespace, name: str) -> tuple[CompiledGraph, Any] | None:
        """A node that is a graph with checkpoints, which goes on where it stood, and the graph that it is in."""
        graph: Any = self._graph
        for part in _names(ns):
            graph = getattr(graph.nodes.get(part), "bound", None) if isinstance(graph, Pregel) else None
        if not isinstance(graph, Pregel):
            return None
        outer = cast("CompiledGraph", graph)
        node = outer.nodes.get(name)
        inner: Any = getattr(node, "bound", None)
        return (outer, node) if isinstance(inner, Pregel) and inner.checkpointer is not False else None


def _has_breakpoints(graph: CompiledGraph) -> bool:
    return bool(graph.interrupt_before_nodes or graph.interrupt_after_nodes)


def _names(ns: Namespace) -> Iterator[str]:
    return (part.partition(":")[0] for part in ns)


def _without_ids(ns: Namespace) -> Namespace:
    """As a graph with a history of its own (`checkpointer=True`) is saved."""
    return tuple(_names(ns))
