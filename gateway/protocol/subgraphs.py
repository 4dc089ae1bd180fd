"""Which graphs within a run's graph have begun, and which have ended, as its tasks tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..json_values import list_of, object_of
from .said import Namespace

State = Literal["started", "completed", "failed", "interrupted"]


@dataclass(slots=True)
class Subgraph:
    """One of them."""

    namespace: Namespace
    state: State = "started"
    error: str | None = None
    agent: str | None = None
    """The name that it has as an agent."""
    cause: Mapping[str, Any] | None = None
    """The tool call that has started it."""

    @property
    def name(self) -> str:
        """Of its node, or of the agent."""
        return self.agent or self.namespace[-1].partition(":")[0]

    @property
    def task_id(self) -> str:
        """The task of the graph around it that it is."""
        return self.namespace[-1].partition(":")[2]

    @property
    def data(self) -> dict[str, Any]:
        """What its event says."""
        begun = {"namespace": [*self.namespace], "graph_name": self.name, "trigger_call_id": self.task_id}
        said = {"event": self.state, **(begun if self.state == "started" else {"graph_name": self.name})}
        more = {"cause": self.cause if self.state == "started" else None, "error": self.error}
        return said | {name: value for name, value in more.items() if value is not None}


class Subgraphs:
    """Of one run."""

    def __init__(self) -> None:
        self.known: dict[Namespace, Subgraph] = {}
        self._open: dict[Namespace, Subgraph] = {}
        self._calls: dict[str, str] = {}
        """Tool calls, by the task that executes them."""

    def seen(self, namespace: Namespace, about: Mapping[str, Any]) -> Iterator[Subgraph]:
        """Something was heard of a graph. Gives those that are new. `about`: the metadata of what was heard."""
        for depth in range(1, len(namespace) + 1):
            if (found := namespace[:depth]) not in self.known:
                here: Mapping[str, Any] = about if depth == len(namespace) else {}
                new = self.known[found] = self._open[found] = self._new(found, here)
                yield new

    def _new(self, namespace: Namespace, about: Mapping[str, Any]) -> Subgraph:
        new = Subgraph(namespace, agent=about.get("lc_agent_name"))
        call = self._calls.get(new.task_id)
        if new.agent is not None and call is not None:
            new.cause = {"type": "toolCall", "tool_call_id": call}
        return new

    def begins(self, task: Mapping[str, Any]) -> None:
        """A task, which may be a tool's."""
        given = task.get("input")
        asked = object_of(list_of(given)[0] if list_of(given) else given)
        call = object_of(asked.get("tool_call", asked))
        if "args" in call and isinstance(call.get("id"), str):
            self._calls[str(task["id"])] = call["id"]

    def ended(self, namespace: Namespace, task: Mapping[str, Any]) -> Iterator[Subgraph]:
        """A task of the graph `namespace` has; gives the graph that it was."""
        self._calls.pop(str(task["id"]), None)
        place = (*namespace, f"{task['name']}:{task['id']}")
        if place in self._open:
            state: State = "interrupted" if task.get("interrupts") else "failed" if task.get("error") else "completed"
            yield from self.close(state, _message(task.get("error")) if state == "failed" else None, place)

    def close(self, state: State, error: str | None = None, above: Namespace = ()) -> Iterator[Subgraph]:
        """All that go on, the deepest first, at this place or below."""
        below = [place for place in self._open if place[: len(above)] == above]
        for place in sorted(below, key=len, reverse=True):
            one = self._open.pop(place)
            one.state, one.error = state, error
            yield one


def _message(error: Any) -> str:
    return str(object_of(error).get("message") or error)
