"""What of a graph's stream is published, and under which key, so that each event is published once.

A graph that is paused at a superstep boundary, or picked up after a crash, reports again where it stands: the
state, the tasks it goes on with, the results it has kept. Each of these events has a key by which the bridge
knows it, so a run in slices publishes what an uninterrupted one does, in the same order. Tokens and custom
events have none: only a node that really runs emits them. (Rules tried in the experiment `publish_once`.)

What cannot be told from the stream: the update of a finished `@task` of the functional API, and that a hit of
LangGraph's own cache was reported before. After a crash in their superstep the first is left out, the second doubled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, cast

from langchain_core.messages import BaseMessageChunk
from langgraph.checkpoint.base import WRITES_IDX_MAP, CheckpointTuple
from langgraph.constants import START
from langgraph.types import StateSnapshot

from ..bridge.contract import KEY_ONLY
from ..contracts.serialization import to_json
from .config import is_of

Namespace = tuple[str, ...]

INTERNAL_MODES = ("tasks", "checkpoints")
"""Streamed for every run: they carry the ids that the keys are made of, and drive the slices."""

_INTERRUPT = "__interrupt__"
_METADATA = "__metadata__"
_NOTHING = object()
_INTERNAL_CHANNELS = ("__", "branch:", "join:")
"""Beginnings of the names of channels that LangGraph adds to a graph's own."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to publish."""

    event: str
    payload: Any
    key: str | None = None
    task: str | None = None
    """The finished task that this reports: it is published when the task's writes are saved, not before."""
    checkpoint: str | None = None
    """The checkpoint that this reports: likewise."""


class Once:
    """Turns the raw stream of one slice into events with keys. Fed in the order of the stream."""

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
        self._graphs: set[Namespace] = {()}
        """Namespaces in which a graph runs."""
        self._steps: dict[Namespace, int] = {}
        self._said: set[str] = set()
        """Ids of messages whose first token has come."""
        self._kept: set[str] = set()
        """Tasks whose results an earlier attempt has saved: they report them again, marked as cached."""

        self._silent: set[str] = set()
        """Checkpoints of this run whose superstep changed nothing that `values` shows, so that it had no such event."""

    def loaded(self, found: CheckpointTuple) -> None:
        """A checkpoint was read, from which a graph goes on."""
        self._kept.update(task for task, channel, _ in found.pending_writes or () if channel not in WRITES_IDX_MAP)
        own = is_of(found, self._run_id)
        root = not found.config.get("configurable", {}).get("checkpoint_ns")
        updated = found.checkpoint.get("updated_channels")
        if own and updated is not None and not self._shown(updated, root=root):
            self._silent.add(found.checkpoint["id"])

    def _shown(self, updated: Iterable[str], *, root: bool) -> bool:
        if root and self.outputs is not None:
            return not set(updated).isdisjoint(self.outputs)
        return any(not channel.startswith(_INTERNAL_CHANNELS) for channel in updated)

    def feed(self, ns: Namespace, mode: str, chunk: Any) -> Iterator[Outgoing]:
        """The events to publish for one chunk of `astream(..., subgraphs=True)`."""
        if mode == "checkpoints":
            self._graphs.add(ns)
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
        tasks = [{"id": task.id, "name": task.name, "interrupts": (), "state": task.state} for task in state.tasks]
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
                yield Outgoing(_name("values", ns), chunk, _key("v", ns, blake2b(to_json(chunk)).hexdigest()))
        self._values.clear()

    def _keyed(self, ns: Namespace, mode: str, chunk: Any) -> Iterator[Outgoing]:
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
                yield Outgoing(_name(mode, ns), chunk)

    def _on_values(self, ns: Namespace, chunk: Any) -> Iterator[Outgoing]:
        if asked := _interrupt_ids(chunk):
            yield Outgoing(_name("values", ns), chunk, _key("vi", ns, *asked))
        else:
            self._values[ns] = chunk

    def _on_updates(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        if _INTERRUPT in chunk:
            # A breakpoint has no ids; it is told from another by where it is.
            asked = _interrupt_ids(chunk) or [self._heads.get(ns, "")]
            yield Outgoing(_name("updates", ns), chunk, _key("ui", ns, *asked))
        elif (task := self._kept_task(ns, chunk)) is not None:
            update = {name: value for name, value in chunk.items() if name != _METADATA}
            yield Outgoing(_name("updates", ns), update, _key("u", ns, str(task["id"])))
            yield from self._result_of_kept(ns, task)
        elif _METADATA in chunk:  # a hit of LangGraph's own cache: no task ran, so no result follows
            yield Outgoing(_name("updates", ns), chunk)
        else:
            self._updates.setdefault(ns, []).append(chunk)

    def _kept_task(self, ns: Namespace, chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not cast("Mapping[str, Any]", chunk.get(_METADATA) or {}).get("cached"):
            return None
        tasks = self._tasks.get(ns, [])
        for position, task in enumerate(tasks):
            if task["name"] in chunk and task["id"] in self._kept:
                del tasks[position]
                return task
        return None

    def _result_of_kept(self, ns: Namespace, task: Mapping[str, Any]) -> Iterator[Outgoing]:
        """LangGraph reports the result of a task once, when it ends. Of a kept one that may not have come through."""
        if task["name"] == START:
            return
        result = cast("Any", task.get("result") or {})
        chunk: dict[str, Any] = {
            "id": task["id"],
            "name": task["name"],
            "error": None,
            "result": result,
            "interrupts": [],
        }
        yield Outgoing(_name("tasks", ns), chunk, _key("tr", ns, str(task["id"])))
        if "debug" in self._modes:
            wrapped = {"step": self._steps.get(ns, -1) + 1, "timestamp": datetime.now(UTC).isoformat()}
            yield from self._on_debug(ns, {**wrapped, "type": "task_result", "payload": chunk})

    def _on_message(self, ns: Namespace, chunk: Any) -> Iterator[Outgoing]:
        """A message whose tokens have come is reported as a whole again when a graph around its node ends.

        LangGraph leaves that out, but remembers what it left out only for one slice.
        """
        message = chunk[0]
        if message.id is None:
            yield Outgoing(_name("messages", ns), chunk)
        elif isinstance(message, BaseMessageChunk):
            if message.id not in self._said:
                self._said.add(message.id)
                yield Outgoing(KEY_ONLY, None, _key("m", (), message.id))
            yield Outgoing(_name("messages", ns), chunk)
        else:
            yield Outgoing(_name("messages", ns), chunk, _key("m", (), message.id))

    def _on_checkpoint(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        checkpoint_id = str(chunk["config"]["configurable"]["checkpoint_id"])
        self._heads[ns] = checkpoint_id
        self._steps[ns] = int(chunk["metadata"]["step"])
        self._tasks[ns] = list(chunk["tasks"])
        values = self._values.pop(ns, _NOTHING)
        if values is not _NOTHING and checkpoint_id not in self._silent:
            yield Outgoing(_name("values", ns), values, _key("v", ns, checkpoint_id), checkpoint=checkpoint_id)
        yield Outgoing(_name("checkpoints", ns), chunk, _key("c", ns, checkpoint_id), checkpoint=checkpoint_id)
        if "updates" not in self._modes:  # else their results come behind their updates
            for task in chunk["tasks"]:
                if task["id"] in self._kept:
                    yield from self._result_of_kept(ns, task)

    def _on_debug(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        """`checkpoints` and `tasks` once more, each in a wrapper that says which."""
        payload = cast("Mapping[str, Any]", chunk["payload"])
        if chunk["type"] == "checkpoint":
            checkpoint_id = str(payload["config"]["configurable"]["checkpoint_id"])
            yield Outgoing(_name("debug", ns), chunk, _key("dc", ns, checkpoint_id), checkpoint=checkpoint_id)
            return
        asked = [str(interrupt["id"]) for interrupt in payload.get("interrupts", ())]
        kind = "de" if payload.get("error") else "d"
        key = _key(kind, ns, str(chunk["type"]), str(payload["id"]), *asked)
        yield Outgoing(_name("debug", ns), chunk, key, str(payload["id"]) if "result" in payload else None)

    def _on_task(self, ns: Namespace, chunk: Mapping[str, Any]) -> Iterator[Outgoing]:
        task_id = str(chunk["id"])
        if "result" not in chunk:
            yield Outgoing(_name("tasks", ns), chunk, _key("ti", ns, task_id))
            return
        for update in self._updates.pop(ns, []):
            yield Outgoing(_name("updates", ns), update, _key("u", ns, task_id), task_id)
        asked = [str(interrupt["id"]) for interrupt in chunk["interrupts"]]
        kind = "te" if chunk["error"] else "tr"  # the same task may fail, be tried again, and succeed
        yield Outgoing(_name("tasks", ns), chunk, _key(kind, ns, task_id, *asked), task_id)


def mode_of(event: str) -> str:
    """The stream mode in an event's name."""
    return event.partition("|")[0]


def _name(mode: str, ns: Namespace) -> str:
    return "|".join((mode, *ns))


def _key(kind: str, ns: Namespace, *parts: str) -> str:
    return "\n".join((kind, "|".join(ns), *parts))


def _interrupt_ids(chunk: Any) -> list[str]:
    if not isinstance(chunk, Mapping):
        return []
    interrupts = cast("Iterable[Any]", chunk.get(_INTERRUPT) or ())
    return [str(interrupt.id) for interrupt in interrupts]
