"""The open interrupts of a thread: which task of which graph waits for an answer, and how many it has had.

LangGraph's state names the questions of a graph's nodes. Three kinds of them are only in the pending writes of its
checkpoint, under a task id of their own: those of an `error_handler`, of a `@task`, and of a graph that a function
calls. Who asked is told by the id: LangGraph makes it of the task's namespace and the number of answers it has had.
One read for each graph, and more for a node only where what it called asks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver, CheckpointTuple
from langgraph.types import Interrupt, PregelTask, StateSnapshot

from ...checkpoints.addresses import checkpoint_namespace
from ...checkpoints.due import needed_nodes
from ...contracts.langgraph_names import HANDED_ON, INTERRUPT, NO_TASK, RESUME, START
from ...contracts.types import RunInterrupt
from .graph_registry import CompiledGraph

Namespace = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """An interrupt without an answer."""

    interrupt: Interrupt
    namespace: Namespace
    answered: int
    """How many answers its task has consumed."""

    @property
    def public(self) -> RunInterrupt:
        """What a reader sees of it."""
        return RunInterrupt(id=self.interrupt.id, value=self.interrupt.value, namespace=self.namespace)


async def questions_of(
    graph: CompiledGraph, state: StateSnapshot, saver: BaseCheckpointSaver[Any]
) -> dict[str, OpenQuestion]:
    """By their ids, in the order of the tasks. `state`: of the graph, with its subgraphs."""
    return {question.interrupt.id: question async for question in _walk(graph, state, saver)}


async def missing_nodes(
    graph: CompiledGraph, state: StateSnapshot, saver: BaseCheckpointSaver[Any]
) -> AsyncIterator[str]:
    """The nodes at which a thread would go on and that its graph does not have, at any depth."""
    for name in (await _level(graph, state, saver)).missing:
        yield name
    below = subgraphs_of(graph)
    for task in state.tasks:
        if isinstance(task.state, StateSnapshot):
            async for name in missing_nodes(below[task.name], task.state, saver):
                yield name


def subgraphs_of(graph: CompiledGraph) -> dict[str, CompiledGraph]:
    """The graphs in its nodes that keep checkpoints, by the names of the nodes."""
    return dict(cast("Any", graph).get_subgraphs())


def namespace_of(config: RunnableConfig) -> Namespace:
    """Of the graph to which a checkpoint's config belongs."""
    return tuple(filter(None, checkpoint_namespace(config).split("|")))


async def _walk(
    graph: CompiledGraph, state: StateSnapshot, saver: BaseCheckpointSaver[Any]
) -> AsyncIterator[OpenQuestion]:
    """What is asked below a task counts: the task itself only repeats it, and after a crash it may be behind."""
    level = await _level(graph, state, saver)
    subgraphs = subgraphs_of(graph)
    for task in state.tasks:
        below: list[OpenQuestion] = []
        if isinstance(task.state, StateSnapshot):
            below = [question async for question in _walk(subgraphs[task.name], task.state, saver)]
        for question in below or await level.asked_by(task):
            yield question
    async for question in level.asked_by_others():
        yield question


@dataclass(slots=True)
class _Written:
    """What a task has saved of its questions."""

    interrupts: list[Interrupt] = field(default_factory=list[Interrupt])
    answered: int = 0
    finished: bool = False
    handed_on: bool = False
    """It has failed, and its error handler takes over."""

    @property
    def asks(self) -> list[Interrupt]:
        return [] if self.finished else self.interrupts


@dataclass(frozen=True, slots=True)
class _Call:
    """A task of a graph that a function called."""

    place: Namespace
    written: _Written


@dataclass(frozen=True)
class _Level:
    """One graph of a thread, and what the tasks of its superstep have saved."""

    graph: CompiledGraph
    state: StateSnapshot
    saver: BaseCheckpointSaver[Any]
    own: dict[str, _Written]
    due: Collection[str]
    """The nodes that its checkpoint starts next, or has to have."""

    @cached_property
    def place(self) -> Namespace:
        return namespace_of(self.state.config)

    @cached_property
    def missing(self) -> list[str]:
        """Nodes that are due and that the graph does not have."""
        return [name for name in self.due if name != START and name not in self.graph.nodes]

    @cached_property
    def others(self) -> dict[str, _Written]:
        """The tasks that the state does not show."""
        shown = {task.id for task in self.state.tasks}
        return {id: written for id, written in self.own.items() if id not in shown}

    @cached_property
    def handlers(self) -> list[tuple[Namespace, str]]:
        """The error handlers that have taken over, each by the place of the node that has failed, and its name."""
        by_node = self.graph.node_error_handler_map
        failed = [task for task in self.state.tasks if self._written(task.id).handed_on and task.name in by_node]
        return [((*self.place, f"{task.name}:{task.id}"), by_node[task.name]) for task in failed]

    @cached_property
    def _asked_by_others(self) -> set[str]:
        return {one.id for written in self.others.values() for one in written.asks}

    @cached_property
    def _answered_by_others(self) -> int:
        return sum(written.answered for written in self.others.values())

    def _written(self, task_id: str) -> _Written:
        return self.own.get(task_id, _NOTHING)

    async def asked_by(self, task: PregelTask) -> list[OpenQuestion]:
        """The questions of a node, and of the graphs that it called."""
        answered = self._written(task.id).answered
        own_id = _interrupt_id(self.place, task.name, task.id, answered)
        found = [OpenQuestion(one, self.place, answered) for one in task.interrupts if one.id == own_id]
        rest = [one for one in task.interrupts if one.id not in self._asked_by_others and one.id != own_id]
        if not rest:
            return found
        return found + self._repeated(await self._calls(self.place, task.name, task.id), task.id, rest)

    def _repeated(self, calls: list[_Call], task_id: str, asks: list[Interrupt]) -> list[OpenQuestion]:
        """What a task repeats of the graphs that it called, and may be behind. The rest it has asked itself."""
        found = [OpenQuestion(one, call.place, call.written.answered) for call in calls for one in call.written.asks]
        known = {question.interrupt.id for question in found}
        by_calls = sum(call.written.answered for call in calls) + self._answered_by_others
        consumed = self._written(task_id).answered + by_calls
        return found + [OpenQuestion(one, self.place, consumed) for one in asks if one.id not in known]

    async def asked_by_others(self) -> AsyncIterator[OpenQuestion]:
        """The questions of error handlers and `@task`s, and of nodes that the graph does not have any more."""
        if not (self.handlers or self.missing or any(task.interrupts for task in self.state.tasks)):
            return
        for task_id, written in self.others.items():
            for question in await self._asked_by_other(task_id, written):
                yield question

    async def _asked_by_other(self, task_id: str, written: _Written) -> list[OpenQuestion]:
        own = [OpenQuestion(one, self.place, written.answered) for one in written.asks]
        if not own or self._is_handler(task_id, written):
            return own
        for place, name in self.handlers:
            if calls := await self._calls(place, name, task_id):
                return self._repeated(calls, task_id, written.asks)
        return [] if self._is_dropped(task_id, written) else own

    def _is_handler(self, task_id: str, written: _Written) -> bool:
        """Whether it is the task of an error handler that asks by itself."""
        asked = {one.id for one in written.asks}
        return any(_interrupt_id(place, name, task_id, written.answered) in asked for place, name in self.handlers)

    def _is_dropped(self, task_id: str, written: _Written) -> bool:
        """Whether it was the task of a node that is due no more: a command has replaced a `Send`."""
        asked = {one.id for one in written.asks}
        return any(_interrupt_id(self.place, name, task_id, written.answered) in asked for name in self.graph.nodes)

    async def _calls(self, around: Namespace, name: str, task_id: str) -> list[_Call]:
        """The tasks of the graphs that a task called: the first has the task's namespace, later ones a number more."""
        place = (*around, f"{name}:{task_id}")
        calls: list[_Call] = []
        for number in count():
            namespace = place if number == 0 else (*place, str(number))
            saved = await self.saver.aget_tuple(_at_namespace(self.state.config, namespace))
            if saved is None:
                break
            calls += [_Call(namespace, written) for written in _written_beside(saved).values()]
        return calls


_NOTHING = _Written()


def _interrupt_id(place: Namespace, name: str, task_id: str, answered: int) -> str:
    """The id that LangGraph gives to what a task asks after so many answers."""
    namespace = "|".join((*place, f"{name}:{task_id}"))
    return Interrupt.from_ns(None, f"{namespace}|{answered}" if answered else namespace).id


async def _level(graph: CompiledGraph, state: StateSnapshot, saver: BaseCheckpointSaver[Any]) -> _Level:
    saved = await saver.aget_tuple(state.config) if _checkpoint(state) else None
    if saved is None:
        return _Level(graph, state, saver, {}, ())
    return _Level(graph, state, saver, _written_beside(saved), [*needed_nodes(saved, {*graph.channels})])


def _checkpoint(state: StateSnapshot) -> str | None:
    return state.config.get("configurable", {}).get("checkpoint_id")


def _written_beside(saved: CheckpointTuple) -> dict[str, _Written]:
    """By the ids of the tasks of a checkpoint."""
    tasks: dict[str, _Written] = {}
    for id, channel, value in saved.pending_writes or ():
        if id == NO_TASK:
            continue
        values = cast("list[Any]", value) if isinstance(value, list | tuple) else [value]
        task = tasks.setdefault(id, _Written())
        if channel == INTERRUPT:
            task.interrupts = values
        elif channel == RESUME:
            task.answered = len(values)
        elif channel == HANDED_ON:
            task.handed_on = True
        elif channel not in WRITES_IDX_MAP:
            task.finished = True
    return tasks


def _at_namespace(config: RunnableConfig, namespace: Namespace) -> RunnableConfig:
    """Addresses the newest checkpoint of a graph in the same thread."""
    thread_id = config.get("configurable", {}).get("thread_id")
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "|".join(namespace)}}
