"""The interrupts of a graph that wait for an answer, and how each answer is delivered exactly once.

An answer that is given again after a crash could answer the next question of the same node. LangGraph keeps the
answers that a task has consumed beside its checkpoint, so an answer is delivered again only while their number is
the one at the time of the question. (Rule tried in the experiment `resume_redelivery_exact`.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver, CheckpointTuple
from langgraph.types import Interrupt, PregelTask, StateSnapshot

from ..checkpoints.addresses import checkpoint_namespace
from ..contracts.serialization import to_json
from ..contracts.types import RunInterrupt
from ..contracts.wire import DeliveredAnswer, Question
from .config import at_checkpoint
from .graphs import CompiledGraph

NO_TASK = "00000000-0000-0000-0000-000000000000"
"""LangGraph's id for writes of no task: what a command updates."""
_RESUME = "__resume__"
_INTERRUPT = "__interrupt__"
_PREVIEW_LENGTH = 200
"""Characters of a question that the Temporal UI shows."""


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """An interrupt without an answer."""

    interrupt: Interrupt
    namespace: tuple[str, ...]
    answered: int
    """How many answers its task has consumed."""

    @property
    def public(self) -> RunInterrupt:
        """What a reader sees of it."""
        return RunInterrupt(id=self.interrupt.id, value=self.interrupt.value, namespace=self.namespace)


@dataclass(frozen=True, slots=True)
class Stopped:
    """Where a graph has stopped by itself before its end."""

    values: Any
    next: list[str]
    asked: dict[str, OpenQuestion]
    breakpoint: str | None
    """The root's checkpoint, when there is no question."""
    held: list[RunInterrupt]
    """Where breakpoints hold it, each in the form of a question."""

    @property
    def interrupts(self) -> list[RunInterrupt]:
        """What a reader sees: the questions, or the breakpoints."""
        return [question.public for question in self.asked.values()] or self.held

    def questions(self, *, preview: bool) -> list[Question]:
        """What Temporal keeps of the questions; `preview`: their beginnings too, for its UI."""
        return [
            Question(id=id, answered=one.answered, text=_in_one_line(one.interrupt.value) if preview else "")
            for id, one in self.asked.items()
        ]


async def stopped_at(graph: CompiledGraph, saver: BaseCheckpointSaver[Any], config: RunnableConfig) -> Stopped:
    """The open questions of a thread, or its breakpoints."""
    state = await graph.aget_state(config, subgraphs=True)
    asked = await _asked(state, saver)
    breakpoint = None if asked else _checkpoint_id(state)
    return Stopped(state.values, list(state.next), asked, breakpoint, [] if asked else list(_held(state)))


async def completed(graph: CompiledGraph, found: CheckpointTuple) -> StateSnapshot:
    """The state after the last completed superstep, as its `values` event shows it.

    Addressed by its id; the state of a thread as such has the results of unfinished supersteps in it.
    """
    return await graph.aget_state(at_checkpoint(found.config, found.checkpoint["id"]))


async def open_questions(
    graph: CompiledGraph, saver: BaseCheckpointSaver[Any], config: RunnableConfig
) -> dict[str, OpenQuestion]:
    """The open interrupts of a thread, subgraphs included, by id, in the order of the tasks."""
    return await _asked(await graph.aget_state(config, subgraphs=True), saver)


def still_due(answers: Sequence[DeliveredAnswer], asked: Mapping[str, OpenQuestion]) -> dict[str, Any]:
    """Interrupt id to value of the answers that their tasks have not consumed."""
    return {
        answer.id: answer.value
        for answer in answers
        if answer.id in asked and asked[answer.id].answered == answer.answered
    }


async def _asked(state: StateSnapshot, saver: BaseCheckpointSaver[Any]) -> dict[str, OpenQuestion]:
    return {question.interrupt.id: question async for question in _walk(state, saver)}


async def _walk(state: StateSnapshot, saver: BaseCheckpointSaver[Any]) -> AsyncIterator[OpenQuestion]:
    """What is asked below a task counts: the task itself only repeats it, and after a crash it may be behind."""
    for task in state.tasks:
        below: list[OpenQuestion] = []
        if isinstance(task.state, StateSnapshot):
            below = [question async for question in _walk(task.state, saver)]
        if task.interrupts and not below:
            below = await _asked_by(task, state, saver)
        for question in below:
            yield question


async def _asked_by(task: PregelTask, state: StateSnapshot, saver: BaseCheckpointSaver[Any]) -> list[OpenQuestion]:
    """The questions of a node, or of what it called that its state does not show: `@task`s, and further graphs."""
    own = await _written(saver, state.config) or {}
    nodes = {node.id for node in state.tasks}
    calls = [(_namespace(state.config), written) for id, written in own.items() if id not in nodes]
    calls += [call async for call in _called(task, state, saver)]
    found = [OpenQuestion(one, namespace, call.answered) for namespace, call in calls for one in call.asks]
    asked_below = {question.interrupt.id for question in found}
    consumed = sum(call.answered for _, call in calls) + own.get(task.id, _Written()).answered
    return found + [
        OpenQuestion(one, _namespace(state.config), consumed) for one in task.interrupts if one.id not in asked_below
    ]


async def _called(
    task: PregelTask, state: StateSnapshot, saver: BaseCheckpointSaver[Any]
) -> AsyncIterator[tuple[tuple[str, ...], _Written]]:
    """The tasks of the graphs that a node has called: the first has the node's namespace, later ones a number more."""
    place = (*_namespace(state.config), f"{task.name}:{task.id}")
    for number in count():
        namespace = place if number == 0 else (*place, str(number))
        written = await _written(saver, _at_namespace(state.config, namespace))
        if written is None:
            return
        for one in written.values():
            yield namespace, one


@dataclass(slots=True)
class _Written:
    """What a task has saved of its questions."""

    interrupts: list[Interrupt] = field(default_factory=list[Interrupt])
    answered: int = 0
    finished: bool = False

    @property
    def asks(self) -> list[Interrupt]:
        return [] if self.finished else self.interrupts


async def _written(saver: BaseCheckpointSaver[Any], config: RunnableConfig) -> dict[str, _Written] | None:
    """By the ids of the tasks of a checkpoint; `None` when there is none."""
    saved = await saver.aget_tuple(config)
    if saved is None:
        return None
    tasks: dict[str, _Written] = {}
    for id, channel, value in saved.pending_writes or ():
        if id == NO_TASK:
            continue
        values = cast("list[Any]", value) if isinstance(value, list | tuple) else [value]
        task = tasks.setdefault(id, _Written())
        if channel == _INTERRUPT:
            task.interrupts = values
        elif channel == _RESUME:
            task.answered = len(values)
        elif channel not in WRITES_IDX_MAP:
            task.finished = True
    return tasks


def _held(state: StateSnapshot) -> Iterator[RunInterrupt]:
    """The breakpoints of the innermost graphs that have not come to their end."""
    below = [held for task in state.tasks if isinstance(task.state, StateSnapshot) for held in _held(task.state)]
    if below:
        yield from below
    elif state.next:
        place = _namespace(state.config)
        yield RunInterrupt(id=_checkpoint_id(state), value={"breakpoint": list(state.next)}, namespace=place)


def _checkpoint_id(state: StateSnapshot) -> str:
    return str(state.config.get("configurable", {}).get("checkpoint_id"))


def _namespace(config: RunnableConfig) -> tuple[str, ...]:
    return tuple(filter(None, checkpoint_namespace(config).split("|")))


def _at_namespace(config: RunnableConfig, namespace: tuple[str, ...]) -> RunnableConfig:
    """Addresses the newest checkpoint of a graph in the same thread."""
    thread_id = config.get("configurable", {}).get("thread_id")
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "|".join(namespace)}}


def _in_one_line(value: Any) -> str:
    text = value if isinstance(value, str) else to_json(value).decode()
    words = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return words if len(words) <= _PREVIEW_LENGTH else f"{words[: _PREVIEW_LENGTH - 1]}…"
