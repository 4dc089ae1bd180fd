"""What of a graph's stream is published, and under which key, so that each event is published once.

A graph that is picked up where another attempt left it reports again where it stands: the state, the tasks it
goes on with, the results it has kept. Each of these events has a key by which the bridge knows it, so a run that
was taken over publishes what an uninterrupted one does, in the same order. Tokens and custom events have none: only
a node that really runs emits them. (`tests/activities/stream/test_published.py`
compares it with bare LangGraph.)

What cannot be told from the stream: which of several tasks of one name and superstep a hit of LangGraph's own cache
belongs to, and, where `updates` are not streamed, that there was one. After a crash in that superstep it is reported
again, or as the result of a task.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, cast

from langchain_core.messages import BaseMessageChunk
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.types import StateSnapshot

from ...bridge.contract import KEY_ONLY
from ...contracts.langgraph_names import INTERRUPT, METADATA, RETURN, START
from ...contracts.recent import Recent
from ...contracts.serialization.serializer import to_json
from ..graphs.chunks import asked_by, interrupt_ids, is_of_handler, task_as_shown, task_result
from ..graphs.run_config import is_of
from ..graphs.saved_results import SavedResults, is_internal
from .outgoing import Namespace, Outgoing, Reports, event_key, event_name, mode_of

INTERNAL_MODES = ("tasks", "checkpoints")
"""Streamed for every run: they carry the ids that the keys are made of, and drive the slices."""

_NOTHING = object()


class Deduplicator:
    """Turns the raw stream of one live graph into events with keys. Fed in the order of the stream."""

    def __init__(self, run_id: str, modes: Collection[str], *, subgraphs: bool) -> None:
        self._run_id = run_id
        self._modes = frozenset(modes)
        self._subgraphs = subgraphs
        self.outputs: Collection[str] | None = None
        """The channels of the root graph that its `values` events show."""
        self._values: dict[Namespace, Any] = {}
        """A `values` event waits for the `checkpoints` event behind it, which has its checkpoint's id."""
        self._updates: dict[Namespace, list[Any]] = {}
        """An `updates` event waits for the task result right behind it."""
        self._tasks: dict[Namespace, list[Mapping[str, Any]]] = {}
        """The tasks of the superstep that is about to run."""
        self._heads: dict[Namespace, str] = {}
        """The checkpoint at which each graph stands."""
        self._newest = ""
        """Of all checkpoints: where a breakpoint is, at whatever depth. (Their ids are in the order of time.)"""
        self._graphs: set[Namespace] = {()}
        """Namespaces in which a graph runs."""
        self._steps: dict[Namespace, int] = {}
        self._said = Recent[str]()
        """Ids of messages that have come, or whose first token has."""
        self._saved_results = SavedResults()
        """Tasks whose results an earlier attempt has saved: they report them again, marked as cached."""
        self._changed: dict[str, Collection[str]] = {}
        """What the superstep of a checkpoint of this run that was read has changed."""

    def loaded(self, found: CheckpointTuple) -> None:
        """A checkpoint was read, from which a graph goes on."""
        self._saved_results.add(found)
        own = is_of(found, self._run_id)
        updated = found.checkpoint.get("updated_channels")
        if own and updated is not None:
            self._changed[found.checkpoint["id"]] = updated

    def _is_silent(self, ns: Namespace, checkpoint_id: str, values: Any) -> bool:
        """Whether its superstep changed nothing that `values` shows, so that it had no such event."""
        changed = [one for one in self._changed.get(checkpoint_id, ()) if self._is_shown(one, root=not ns)]
        if ns and isinstance(values, Mapping):  # which has what its graph gives out, less than what it knows
            changed = [one for one in changed if one in values]
        return checkpoint_id in self._changed and not changed

    def _is_shown(self, channel: str, *, root: bool) -> bool:
        return channel in self.outputs if root and self.outputs is not None else not is_internal(channel)

    def feed(self, ns: Namespace, mode: str, chunk: Any) -> Iterator[Outgoing]:
        """The events to publish for one chunk of `astream(..., subgraphs=True)`."""
        if mode == "checkpoints":
            self._graphs.add(ns)
            self._newest = max(self._newest, str(chunk["config"]["configurable"]["checkpoint_id"]))
        if ns and not self._subgraphs:
            if mode != "custom" or ns in self._graphs:
                return
            ns = ()  # of a `@task`, which is no subgraph
        for found in self._keyed(ns, mode, chunk):
            if mode_of(found.event) in self._modes or found.event == KEY_ONLY:
                yield found

    def caught_up(self, found: CheckpointTuple, state: StateSnapshot) -> Iterator[Outgoing]:
        """The root's newest checkpoint, for a graph that was cut off between saving and reporting it."""
        self._values[()] = state.values
        tasks = [task_as_shown(task) for task in state.tasks]
        checkpoint = {
            "config": state.config,
            "parent_config": state.parent_config,
            "values": state.values,
            "metadata": state.metadata,
            "next": list(state.next),
            "tasks": tasks,
        }
        yield from self.feed((), "checkpoints", checkpoint)

    def rest(self) -> Iterator[Outgoing]:
        """What still waited when the stream ended: the state beside an open interrupt has no checkpoint of its own."""
        for ns, chunk in self._values.items():
            if "values" in self._modes:
                key = event_key(Reports.VALUES, ns, blake2b(to_json(chunk)).hexdigest())
                yield Outgoing(event_name("values", ns), chunk, key)
        self._values.clear()

    def _keyed(self, ns: Namespace, mode: str, chunk: Any) -> Iterator[Outgoing]:
        if mode != "checkpoints":
            yield from self._unsaved_values(ns)
        match mode:
            case "values":
                yield from self._on_values(ns, chunk)
            case "updates":
                yield from self._on_updates(ns, chunk)
            case "checkpoints":
                yield from self._on_checkpoint(ns, chunk)
            case "tasks":
                yield from self._on_task(ns, chunk)
            case "messages":
                yield from self._on_message(ns, chunk)
            case "debug":
                yield from self._on_debug(ns, chunk)
            case _:
                yield Outgoing(event_name(mode, ns), chunk)

    def _on_values(self, ns: Namespace, chunk: Any) -> Iterator[Outgoing]:
        if asked := interrupt_ids(chunk):
            yield Outgoing(event_name("values", ns), chunk, event_key(Reports.VALUES_AT_INTERRUPT, ns, *asked))
        else:
            self._values[ns] = chunk

    def _unsaved_values(self, ns: Namespace) -> Iterator[Outgoing]:
        """Of a nested graph that keeps no checkpoints. It has no keys: picked up, it begins again."""
        if ns and ns in self._values and ns not in self._heads:
            yield Outgoing(event_name("values", ns), self._values.pop(ns))

    def _on_updates(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        if INTERRUPT in chunk:
            # A breakpoint has no ids; it is told from another by where it is.
            asked = interrupt_ids(chunk) or [self._newest]
            yield Outgoing(event_name("updates", ns), chunk, event_key(Reports.UPDATES_AT_INTERRUPT, ns, *asked))
        elif (task := self._kept_task(ns, chunk)) is not None:
            update = {name: value for name, value in chunk.items() if name != METADATA}
            yield Outgoing(event_name("updates", ns), update, event_key(Reports.UPDATES, ns, str(task["id"])))
            yield from self._result_of_kept(ns, task)
        elif METADATA in chunk:
            yield from self._on_hit(ns, chunk)
        else:
            self._updates.setdefault(ns, []).append(chunk)

    def _on_hit(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        """A hit of LangGraph's own cache: no task ran, so no result follows, nor may it when it is kept."""
        tasks = [str(task["id"]) for task in self._tasks.get(ns, []) if task["name"] in chunk]
        if len(tasks) != 1:
            yield Outgoing(event_name("updates", ns), chunk)
            return
        yield Outgoing(KEY_ONLY, None, event_key(Reports.TASK_RESULT, ns, *tasks))
        yield Outgoing(KEY_ONLY, None, event_key(Reports.DEBUG_TASK, ns, "task_result", *tasks))
        key, checkpoint = event_key(Reports.UPDATES, ns, *tasks), self._heads.get(ns)
        yield Outgoing(event_name("updates", ns), chunk, key, *tasks, checkpoint=checkpoint, before_writes=True)

    def _kept_task(self, ns: Namespace, chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not cast("Mapping[str, Any]", chunk.get(METADATA) or {}).get("cached"):
            return None
        tasks = self._tasks.get(ns, [])
        for position, task in enumerate(tasks):
            if task["name"] in chunk and task["id"] in self._saved_results.results:
                del tasks[position]
                return task
        return None

    def _result_of_kept(self, ns: Namespace, task: Mapping[str, Any]) -> Iterator[Outgoing]:
        """LangGraph reports the result of a task once, when it ends. Of a kept one that may not have come through."""
        if task["name"] == START:
            return
        gave = self._saved_results.results[task["id"]].items()
        result = {name: value for name, value in gave if name == RETURN or self._is_shown(name, root=not ns)}
        chunk = task_result(task, result=result)
        yield Outgoing(event_name("tasks", ns), chunk, event_key(Reports.TASK_RESULT, ns, str(task["id"])))
        yield from self._debug_result(ns, chunk)

    def _debug_result(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        if "debug" in self._modes:
            wrapped = {"step": self._steps.get(ns, -1) + 1, "timestamp": datetime.now(UTC).isoformat()}
            yield from self._on_debug(ns, {**wrapped, "type": "task_result", "payload": chunk})

    def _result_of_failed(self, ns: Namespace, task: Mapping[str, Any], error: str) -> Iterator[Outgoing]:
        chunk = task_result(task, error=error)
        yield from self._on_task(ns, chunk)
        yield from self._debug_result(ns, chunk)

    def _on_message(self, ns: Namespace, chunk: Any) -> Iterator[Outgoing]:
        """A message whose tokens have come is reported as a whole again when a graph around its node ends.

        LangGraph leaves that out, but remembers what it left out only for one call.
        """
        message = chunk[0]
        key, known = event_key(Reports.MESSAGE, (), str(message.id)), message.id in self._said
        if message.id is None:
            yield Outgoing(event_name("messages", ns), chunk)
            return
        self._said.add(message.id)
        if not isinstance(message, BaseMessageChunk):
            if not known:
                yield Outgoing(event_name("messages", ns), chunk, key)
            return
        if not known:
            yield Outgoing(KEY_ONLY, None, key)
        yield Outgoing(event_name("messages", ns), chunk)

    def _on_checkpoint(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        checkpoint_id = str(chunk["config"]["configurable"]["checkpoint_id"])
        if not ns:
            self._forget_nested(checkpoint_id)
        self._heads[ns] = checkpoint_id
        self._steps[ns] = int(chunk["metadata"]["step"])
        self._tasks[ns] = list(chunk["tasks"])
        values = self._values.pop(ns, _NOTHING)
        if values is not _NOTHING and not self._is_silent(ns, checkpoint_id, values):
            key = event_key(Reports.VALUES, ns, checkpoint_id)
            yield Outgoing(event_name("values", ns), values, key, checkpoint=checkpoint_id)
        key = event_key(Reports.CHECKPOINT, ns, checkpoint_id)
        yield Outgoing(event_name("checkpoints", ns), chunk, key, checkpoint=checkpoint_id)
        for task in chunk["tasks"]:
            if "updates" not in self._modes and task["id"] in self._saved_results.results:  # else behind their updates
                yield from self._result_of_kept(ns, task)
            elif error := self._saved_results.errors.get(task["id"]):
                yield from self._result_of_failed(ns, task, error)

    def _forget_nested(self, checkpoint_id: str) -> None:
        """The root's superstep is over, and the graphs in its tasks with it: it stands at this checkpoint."""
        self._changed = {one: changed for one, changed in self._changed.items() if one == checkpoint_id}
        self._graphs = {()}
        for places in (self._heads, self._steps, self._tasks):
            for ns in [ns for ns in places if ns]:
                del places[ns]

    def _on_debug(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        """`checkpoints` and `tasks` once more, each in a wrapper that says which."""
        payload = cast("Mapping[str, Any]", chunk["payload"])
        if chunk["type"] == "checkpoint":
            checkpoint_id = str(payload["config"]["configurable"]["checkpoint_id"])
            key = event_key(Reports.DEBUG_CHECKPOINT, ns, checkpoint_id)
            yield Outgoing(event_name("debug", ns), chunk, key, checkpoint=checkpoint_id)
            return
        if is_of_handler(payload):
            return
        asked = asked_by(payload)
        kind = Reports.DEBUG_ERROR if payload.get("error") else Reports.DEBUG_TASK
        task_id = str(payload["id"])
        key = event_key(kind, ns, str(chunk["type"]), task_id, *asked)
        yield self._of_task("debug", ns, chunk, key, task_id if "result" in payload else None)

    def _on_task(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        task_id = str(chunk["id"])
        if "result" not in chunk:
            yield from self._on_input(ns, chunk)
            return
        task_ns = (*ns, f"{chunk['name']}:{task_id}")
        for within in [one for one in self._values if one[: len(task_ns)] == task_ns]:
            yield from self._unsaved_values(within)
        for update in self._updates.pop(ns, []):
            yield self._of_task("updates", ns, update, event_key(Reports.UPDATES, ns, task_id), task_id)
        asked = asked_by(chunk)
        kind = Reports.TASK_ERROR if chunk["error"] else Reports.TASK_RESULT
        yield self._of_task("tasks", ns, chunk, event_key(kind, ns, task_id, *asked), task_id)

    def _of_task(self, mode: str, ns: Namespace, chunk: Any, key: str, finished: str | None = None) -> Outgoing:
        """Held back until the checkpoint that the task follows is saved: its id is made of that."""
        return Outgoing(event_name(mode, ns), chunk, key, finished, self._heads.get(ns))

    def _on_input(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        if is_of_handler(chunk):
            return
        task_id = str(chunk["id"])
        yield self._of_task("tasks", ns, chunk, event_key(Reports.TASK_INPUT, ns, task_id))
        kept = self._saved_results.results.get(task_id, {})
        if RETURN in kept:  # of a `@task`: nothing else reports it
            update = {chunk["name"]: kept[RETURN]}
            yield Outgoing(event_name("updates", ns), update, event_key(Reports.UPDATES, ns, task_id))
            yield from self._result_of_kept(ns, chunk)
