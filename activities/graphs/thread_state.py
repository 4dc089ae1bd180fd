"""The state of a thread as its graph shows it, for a client that has no graph.

What is read goes to the store, from where the client takes it: a state may be larger than what Temporal carries, and
prompts stay out of it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.types import PregelTask, StateSnapshot

from ...checkpoints.addresses import checkpoint_namespace
from ...contracts.closing import closing
from ...contracts.errors import PerdureError, RunNotFoundError, UnavailableError
from ...contracts.serialization.serializer import to_json
from ...contracts.threads import ThreadStatus
from ...contracts.types import RunInterrupt
from ...contracts.wire_thread import StateAnswer, StateQuery
from ...store.thread_contract import ThreadLeft
from .back_ends import BackEnds
from .graph_registry import CompiledGraph
from .interrupts import open_questions, shown_state
from .run_config import at_checkpoint, run_config, thread_config

logger = logging.getLogger(__name__)

_PART = 16_000_000
"""Bytes after which a part of a history ends, so that neither side holds more of it than one state beyond that."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Reads states. Reading changes nothing, and may be repeated."""

    ends: BackEnds

    async def answer(self, query: StateQuery, *, changed: bool = False) -> StateAnswer:
        """Read, and keep what was read for the client. Raises `UnavailableError`.

        `changed`: it is the state as somebody has just changed it, which the record of the thread has to show.
        """
        reading = _Reading(self.ends, query)
        try:
            more = await reading.read()
        except Exception as exc:
            if isinstance(exc, UnavailableError):
                raise
            if self.ends.checkpoints.outage(exc):
                raise UnavailableError(f"the state of thread {query.thread_id!r} cannot be read: {exc}") from exc
            # Whatever a graph raises while it shows its state is its own, and would be raised again.
            trace = None if isinstance(exc, PerdureError) else exc
            logger.warning("thread %s: no graph shows its state: %s", query.thread_id, exc, exc_info=trace)
            return StateAnswer(failure=str(exc) or repr(exc))
        if changed and reading.left is not None:
            await self.ends.store.threads.leave(query.thread_id, reading.left)
        await self.ends.store.threads.put_answer(query.read_id, b"[" + b",".join(reading.shown) + b"]")
        return StateAnswer(more=more)


@dataclass(slots=True)
class _Reading:
    ends: BackEnds
    query: StateQuery
    shown: list[bytes] = field(default_factory=list[bytes])
    before: str | None = None
    left: ThreadLeft | None = None
    """How the state that was read last leaves its thread."""

    async def read(self) -> bool:
        """Fill `shown`; whether a history goes on behind it.

        The graph of the latest run is tried first. Whose state another graph has saved, that one shows.
        """
        self.before = self.query.before
        name: str | None = self.query.assistant_id
        tried = name
        while name is not None:
            tried = name
            try:
                name = await self._read_by(name)
            except Exception:
                name = await self._writer()
                if name is None or name == tried:
                    raise
        return self.query.limit is not None and len(self.shown) < self.query.limit and self._full

    @property
    def _full(self) -> bool:
        return sum(map(len, self.shown)) > _PART

    async def _read_by(self, name: str) -> str | None:
        """Read as far as this graph has saved; the one that has saved what comes then, `None` at the end."""
        saver = self.ends.checkpoints.saver
        config = await self._config(name)
        async with self.ends.graphs.open(name, config, saver) as graph, aclosing(self._states(graph)) as states:
            async for state in states:
                if state.metadata is None:  # there is no such checkpoint
                    return None
                writer = _metadata(state).get("assistant_id", name)
                if writer != name:
                    return str(writer)
                self.shown.append(await self._shown(graph, state))
                self.before = _checkpoint_id(state.config)
                if self._full:
                    return None
        return None

    async def _states(self, graph: CompiledGraph) -> AsyncGenerator[StateSnapshot]:
        if self.query.limit is None:
            yield await shown_state(graph, self._here)
            return
        before = None if self.before is None else at_checkpoint(self._here, self.before)
        limit = self.query.limit - len(self.shown)
        async with closing(graph.aget_state_history(self._here, before=before, limit=limit)) as states:
            async for state in states:
                yield state

    @property
    def _here(self) -> RunnableConfig:
        config = thread_config(self.query.thread_id)
        return config if self.query.checkpoint_id is None else at_checkpoint(config, self.query.checkpoint_id)

    async def _writer(self) -> str | None:
        """The graph that has saved what is to be shown next, as far as that is known."""
        saver = self.ends.checkpoints.saver
        if self.query.limit is None:
            found = await saver.aget_tuple(self._here)
        else:
            before = None if self.before is None else at_checkpoint(self._here, self.before)
            async with closing(saver.alist(self._here, before=before, limit=1)) as listed:
                found = await anext(listed, None)
        return None if found is None else cast("dict[str, Any]", found.metadata).get("assistant_id")

    async def _config(self, name: str) -> RunnableConfig:
        """The config of the thread's latest run, for a factory that makes the graph by it."""
        runs = await self.ends.store.list(self.query.thread_id, limit=1)
        if not runs or runs[0].record.assistant_id != name:
            return thread_config(self.query.thread_id)
        run_id = runs[0].record.run_id
        try:
            spec = await self.ends.store.get_spec(run_id)
        except RunNotFoundError:  # it was deleted just now
            return thread_config(self.query.thread_id)
        return run_config(spec, run_id, self.query.thread_id)

    async def _shown(self, graph: CompiledGraph, state: StateSnapshot) -> bytes:
        places = _places(state)
        asked = [(one.id, one.value) for one in state.interrupts]
        if self.query.limit is None and self.query.checkpoint_id is None and state.tasks:
            found = await open_questions(graph, self.ends.checkpoints.saver, self._here)
            places |= {id: question.namespace for id, question in found.items()}
            asked = [(id, one.interrupt.value) for id, one in found.items()]
        self.left = _left(state, places, asked)
        return _json(_snapshot(state, places, asked))


def _left(state: StateSnapshot, places: _Places, asked: list[tuple[str, Any]]) -> ThreadLeft:
    status = ThreadStatus.INTERRUPTED if state.next else ThreadStatus.IDLE
    interrupts = [RunInterrupt(id=id, value=value, namespace=places.get(id, ())) for id, value in asked]
    return ThreadLeft(to_json(state.values), interrupts, status=status)


_Places = Mapping[str, tuple[str, ...]]
"""Interrupt id to the namespace of the graph that asks, as far as it is known."""


def _places(state: StateSnapshot) -> dict[str, tuple[str, ...]]:
    """What a graph below asks, its parent only repeats."""
    places = {one.id: _namespace(state.config) for one in state.interrupts}
    for task in state.tasks:
        if isinstance(task.state, StateSnapshot):
            places |= _places(task.state)
    return places


def _snapshot(state: StateSnapshot, places: _Places, asked: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a `ThreadSnapshot`. Free values are JSON already."""
    return {
        "thread_id": state.config.get("configurable", {})["thread_id"],
        "checkpoint_id": _checkpoint_id(state.config),
        "parent_checkpoint_id": None if state.parent_config is None else _checkpoint_id(state.parent_config),
        "namespace": _namespace(state.config),
        "values": _fragment(state.values),
        "next": state.next,
        "tasks": [_task(task, places) for task in state.tasks],
        "interrupts": [_question(id, value, places) for id, value in asked],
        "metadata": _fragment(state.metadata),
        "created_at": state.created_at,
    }


def _task(task: PregelTask, places: _Places) -> dict[str, Any]:
    below, config = None, cast("RunnableConfig | None", task.state)
    if isinstance(task.state, StateSnapshot):
        config = task.state.config
        if task.state.metadata is not None:  # else it has not begun
            asked = [(one.id, one.value) for one in task.state.interrupts]
            below = _snapshot(task.state, places, asked)
    return {
        "id": task.id,
        "name": task.name,
        "path": _fragment(cast("object", task.path)),
        "error": None if task.error is None else _text(task.error),
        "interrupts": [_question(one.id, one.value, places) for one in task.interrupts],
        "result": _fragment(task.result),
        "namespace": () if config is None else _namespace(config),
        "state": below,
    }


def _question(id: str, value: Any, places: _Places) -> dict[str, Any]:
    return {"id": id, "value": _fragment(value), "namespace": places.get(id, ())}


def _text(error: object) -> str:
    """LangGraph keeps an exception as its `repr`."""
    return error if isinstance(error, str) else repr(error)


def _fragment(value: object) -> orjson.Fragment:
    return orjson.Fragment(to_json(value))


def _json(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields)


def _metadata(state: StateSnapshot) -> dict[str, Any]:
    return cast("dict[str, Any]", state.metadata or {})


def _checkpoint_id(config: RunnableConfig) -> str:
    return str(config.get("configurable", {})["checkpoint_id"])


def _namespace(config: RunnableConfig) -> tuple[str, ...]:
    return tuple(filter(None, checkpoint_namespace(config).split("|")))
