"""From the stream of one run to what the protocol tells of it.

A run begins with `running` and comes to rest with `completed`, `failed` or `interrupted`, the last of its events. What
its graph asks is told once it is in the thread's record, before the values beside it and before `interrupted`. The
envelope of a checkpoint is told right before its values, for so clients know which they are.

All of it follows from the stream, so an event has the same id and the same place whenever and wherever it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...contracts.langgraph_names import INTERRUPT, METADATA
from ...contracts.types import (
    AWAITING_INPUT_EVENT,
    GAP_EVENT,
    METADATA_EVENT,
    TERMINAL_EVENTS,
    RunInterrupt,
    RunRecord,
    RunSpec,
    RunStatus,
    StreamEvent,
)
from ..json_values import is_object, object_of
from ..metadata import shown_metadata
from ..questions import questions
from .moments import milliseconds, moment_of
from .said import Namespace, Said, lifecycle_id, question_id
from .spoken import Part, Spoken, result_of_tool
from .state_messages import shown_state
from .subgraphs import State, Subgraph, Subgraphs

GAP = "perdure:gap"
"""The name of the custom event that tells of events that are not held any more."""
_TOO_LONG = "the run took too long"


class Projection:
    """Of one reader of one run, from its first event on."""

    def __init__(self, run: RunRecord, spec: RunSpec, now: Callable[[], int]) -> None:
        """`now`: milliseconds; for runs whose streams say nothing of their times."""
        self._run_id = run.run_id
        self._graph = spec.assistant_id
        self._modes = frozenset(spec.stream_modes)
        self._undone = self._was_undone = run.status is RunStatus.ROLLED_BACK
        self._now = now
        self._ended = None if run.ended_at is None else milliseconds(run.ended_at)
        self._moment = milliseconds(run.created_at)
        self.subgraphs = Subgraphs()
        self._spoken = Spoken(tools="tools" in self._modes)
        self.state: str | None = None
        """Of the root graph: as its last event said."""
        self._held: dict[Namespace, Any] = {}
        """Values that wait for their checkpoint."""
        self._beside: dict[Namespace, Any] = {}
        """Values beside a question, and where it was asked."""
        self._checkpointed: set[Namespace] = {()}
        self._asked: dict[str, Namespace] = {}
        self._repeats: Counter[str] = Counter()
        self._event = ""
        self._told = 0

    def of(self, event: StreamEvent, asked: Sequence[RunInterrupt] = (), restored: Any = None) -> Iterator[Said]:
        """What an event of the run's stream says. `asked`: the questions at which the run rests behind it.

        `restored`: the values of the thread when the run was rolled back, for who has seen those of the run.
        """
        self._event, self._told = event.id, 0
        if self.state != "running":
            yield self._lifecycle((), "running")
        mode, _, name = event.event.partition("|")
        namespace = tuple(name.split("|")) if name else ()
        if mode != "checkpoints":
            yield from self._let_go()
        match mode:
            case _ if event.event in TERMINAL_EVENTS:
                yield from self._end(event.data, asked, restored)
            case "metadata" if event.event == METADATA_EVENT:
                yield from self._parts(self._spoken.cut_off())
            case "awaiting_input" if event.event == AWAITING_INPUT_EVENT:
                yield from self._rest("interrupted", asked or _interrupts(event.data))
            case "gap" if event.event == GAP_EVENT:
                yield self._said("custom", (), {"name": GAP, "payload": event.data})
            case _:
                yield from self._begun(namespace, mode, event.data)
                yield from self._of_mode(mode, namespace, event.data)

    def _begun(self, namespace: Namespace, mode: str, data: Any) -> Iterator[Said]:
        """Graphs of which something is heard for the first time."""
        yield from map(self._of_subgraph, self.subgraphs.seen(namespace, _about(mode, data)))
        if mode == "tasks" and "result" not in data:
            self.subgraphs.begins(data)

    def _of_mode(self, mode: str, namespace: Namespace, data: Any) -> Iterator[Said]:
        match mode:
            case "values":
                yield from self._values(namespace, data)
            case "updates":
                yield from self._updates(namespace, data)
            case "checkpoints":
                yield from self._checkpoint(namespace, data)
            case "tasks":
                yield from self._task(namespace, data)
            case "messages":
                self._tick(moment_of(str(data[0].get("id"))))
                yield from self._parts(self._spoken.heard(namespace, data[0], data[1]))
            case "tools":
                yield from self._tool(namespace, data)
            case "custom":
                yield self._said("custom", namespace, _custom(data))
            case _:
                return

    def _values(self, namespace: Namespace, data: Any) -> Iterator[Said]:
        if is_object(data) and INTERRUPT in data:
            self._note(namespace, object_of(data)[INTERRUPT])
            self._beside[namespace] = data
        elif "checkpoints" in self._modes and namespace in self._checkpointed:
            self._held[namespace] = data
        else:
            yield from self._shown_values(namespace, data)

    def _shown_values(self, namespace: Namespace, data: Any) -> Iterator[Said]:
        if (shown := shown_state(data)) not in ({}, None):
            yield self._said("values", namespace, shown)

    def _let_go(self) -> Iterator[Said]:
        """Values whose checkpoint does not follow."""
        for namespace in [*self._held]:
            yield from self._shown_values(namespace, self._held.pop(namespace))

    def _checkpoint(self, namespace: Namespace, data: Mapping[str, Any]) -> Iterator[Said]:
        self._checkpointed.add(namespace)
        id, parent = _checkpoint_id(data["config"]), _checkpoint_id(data.get("parent_config"))
        self._tick(moment_of(str(id)))
        metadata = object_of(data.get("metadata"))
        shown: dict[str, Any] = {"id": id, "step": metadata.get("step"), "source": metadata.get("source")}
        yield self._said("checkpoints", namespace, shown if parent is None else {**shown, "parent_id": parent})
        yield from self._let_go()

    def _updates(self, namespace: Namespace, data: Any) -> Iterator[Said]:
        for node, update in object_of(data).items():
            if node == INTERRUPT:
                self._note(namespace, update)
            elif node != METADATA:
                values = shown_state(update if is_object(update) else {"value": update})
                yield self._said("updates", namespace, {"node": node, "values": values}, node)

    def _task(self, namespace: Namespace, data: Mapping[str, Any]) -> Iterator[Said]:
        if "result" not in data:
            metadata = shown_metadata(data.get("metadata") or {})
            yield self._said("tasks", namespace, {**data, "metadata": metadata}, data["name"])
            return
        yield from self._parts(self._spoken.task_ended(namespace, data))
        yield self._said("tasks", namespace, data, data["name"])
        yield from map(self._of_subgraph, self.subgraphs.ended(namespace, data))

    def _tool(self, namespace: Namespace, data: Mapping[str, Any]) -> Iterator[Said]:
        yield self._said("tools", namespace, data)
        output = data.get("output")
        if data.get("event") == "tool-finished" and is_object(output):
            yield from self._parts(result_of_tool(namespace, object_of(output), data.get("tool_call_id")))

    def _note(self, namespace: Namespace, asked: Any) -> None:
        """Who asks is heard first."""
        for one in asked or ():
            self._asked.setdefault(str(one["id"]), namespace)

    def _end(self, data: Mapping[str, Any], asked: Sequence[RunInterrupt], restored: Any) -> Iterator[Said]:
        status, error = data.get("status"), object_of(data.get("error"))
        self._undone = self._undone or status == RunStatus.ROLLED_BACK
        if status == RunStatus.SUCCESS:
            yield from self._parts(self._spoken.run_ended())
            yield from self._rest("completed")
        elif status in (RunStatus.ERROR, RunStatus.TIMEOUT):
            yield from self._rest("failed", error=str(error.get("message") or error.get("type") or _TOO_LONG))
        else:
            if status == RunStatus.ROLLED_BACK:
                yield self._values_again(restored)
            yield from self._rest("interrupted", () if data.get("cancel_action") else asked)

    def _values_again(self, restored: Any) -> Said:
        said = self._said("values", (), shown_state({} if restored is None else restored))
        return replace(said, undone=self._was_undone)

    def _rest(self, state: State, asked: Sequence[RunInterrupt] = (), error: str | None = None) -> Iterator[Said]:
        for one in questions(asked):
            yield self._question(one)
        for namespace in [*self._beside]:
            yield from self._shown_values(namespace, self._beside.pop(namespace))
        yield from map(self._of_subgraph, [*self.subgraphs.close(state, error)])
        yield self._lifecycle((), state, error)

    def _question(self, one: RunInterrupt) -> Said:
        namespace = self._asked.get(one.id, one.namespace)
        id = question_id(self._run_id, namespace, one.id)
        data = {"interrupt_id": one.id, "payload": one.value}
        return self._said("input.requested", namespace, data, id=id)

    def _of_subgraph(self, one: Subgraph) -> Said:
        id = lifecycle_id(self._run_id, one.namespace, one.state)
        return self._said("lifecycle", one.namespace, one.data, id=id)

    def _lifecycle(self, namespace: Namespace, state: str, error: str | None = None) -> Said:
        self.state = state
        data = {"event": state, "graph_name": self._graph, **({} if error is None else {"error": error})}
        return self._said("lifecycle", namespace, data, id=lifecycle_id(self._run_id, namespace, state))

    def _parts(self, parts: Iterator[Part]) -> Iterator[Said]:
        for part in parts:
            yield self._said("messages", part.namespace, part.data, part.node)

    def _said(
        self, method: str, namespace: Namespace, data: Any, node: str | None = None, *, id: str | None = None
    ) -> Said:
        undone = self._undone and not (method == "lifecycle" and not namespace)
        self._tick(None)
        return Said(self._id(id), method, namespace, self._moment, data, node, undone)

    def _id(self, named: str | None) -> str:
        """By name, or by the event that says it; what comes again has a number behind it."""
        if named is not None:
            self._repeats[named] += 1
            return named if self._repeats[named] == 1 else f"{named}|{self._repeats[named]}"
        known = f"{self._run_id}:{self._event}"
        self._told += 1
        return known if self._told == 1 else f"{known}.{self._told - 1}"

    def _tick(self, moment: int | None) -> None:
        if moment is None and "checkpoints" not in self._modes:
            now = self._now()
            moment = now if self._ended is None else min(now, self._ended)
        self._moment = max(self._moment, moment or 0)


def _about(mode: str, data: Any) -> Mapping[str, Any]:
    found = data[1] if mode == "messages" else data.get("metadata") if mode in ("tasks", "checkpoints") else None
    return found or {}


def _interrupts(data: Mapping[str, Any]) -> list[RunInterrupt]:
    return [RunInterrupt.model_validate(one) for one in data.get("interrupts") or ()]


def _checkpoint_id(config: Any) -> str | None:
    return object_of(object_of(config).get("configurable")).get("checkpoint_id")


def _custom(data: Any) -> dict[str, Any]:
    """A named channel is written as `{"name": …, "payload": …}`."""
    given = object_of(data)
    if given.keys() == {"name", "payload"} and isinstance(given["name"], str):
        return given
    return {"payload": data}
