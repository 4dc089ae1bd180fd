"""Which task queues a worker polls, and which graphs it serves there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..contracts.errors import ConfigError, nearest
from ..contracts.langgraph_json import LangGraphJson
from ..contracts.settings import Settings, unknown_queue

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Routing:
    """Of one worker."""

    common: bool
    """It polls the common task queue: it has workflows, and the graphs that have no queue of their own."""
    own: Mapping[str, tuple[str, ...]]
    """The other queues that it polls, each with its graphs."""
    polled: tuple[str, ...]
    """All of them, the common one first."""
    _routed: frozenset[str]
    """All graphs that have a queue of their own, of this worker or not."""

    def serves(self, graph: str) -> bool:
        """Whether the graph executes on a queue of this worker."""
        if graph in self._routed:
            return any(graph in graphs for graphs in self.own.values())
        return self.common

    def of(self, graphs: Mapping[str, T]) -> dict[str, T]:
        """Those of the graphs that this worker serves."""
        return {name: graph for name, graph in graphs.items() if self.serves(name)}

    def part_of(self, project: LangGraphJson) -> LangGraphJson:
        """The project with the graphs that this worker serves: others need not be there to be imported.

        Raises `ConfigError` when a queue of this worker has a graph that the project has not.
        """
        for queue, graphs in self.own.items():
            if unknown := [graph for graph in graphs if graph not in project.graphs]:
                close = nearest(unknown[0], project.graphs)
                raise ConfigError(f"task_queues.{queue}: the graph {unknown[0]!r} is not in {project.path}{close}")
        return project.with_graphs(self.of(project.graphs))


def routing_of(settings: Settings, queues: Iterable[str] = ()) -> Routing:
    """`queues`: in place of `worker.queues`. Raises `ConfigError` for one that the settings do not have."""
    common = settings.temporal.task_queue
    wanted = [*(queues or settings.worker.queues or (common,))]
    known = (common, *settings.task_queues)
    if unknown := [queue for queue in wanted if queue not in known]:
        raise ConfigError(unknown_queue(unknown[0], settings))
    own = {queue: graphs for queue, graphs in settings.task_queues.items() if queue in wanted}
    routed = frozenset(graph for graphs in settings.task_queues.values() for graph in graphs)
    return Routing(common in wanted, own, tuple(queue for queue in known if queue in wanted), routed)
