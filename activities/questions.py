"""The interrupts of a graph that wait for an answer, and how each answer is delivered exactly once.

An answer that is given again after a crash could answer the next question of the same node. LangGraph keeps the
answers that a task has consumed beside its checkpoint, so an answer is delivered again only while their number is
the one at the time of the question. (Rule tried in the experiment `resume_redelivery_exact`.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.types import Interrupt, StateSnapshot

from ..contracts.types import RunInterrupt
from ..contracts.wire import DeliveredAnswer, Question
from .config import at_checkpoint
from .graphs import CompiledGraph

_RESUME = "__resume__"


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """An interrupt without an answer."""

    interrupt: Interrupt
    namespace: tuple[str, ...]
    answered: int
    """How many answers its task has consumed."""

    @property
    def question(self) -> Question:
        """What Temporal keeps of it."""
        return Question(id=self.interrupt.id, answered=self.answered)

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
    """The checkpoint of the breakpoint, when there is no question."""

    @property
    def questions(self) -> list[Question]:
        """What Temporal keeps of the questions."""
        return [question.question for question in self.asked.values()]

    @property
    def interrupts(self) -> list[RunInterrupt]:
        """What a reader sees: the questions, or the breakpoint in the form of one."""
        if self.breakpoint is not None:
            return [RunInterrupt(id=self.breakpoint, value={"breakpoint": self.next})]
        return [question.public for question in self.asked.values()]

    @property
    def key(self) -> str:
        """The same for the same stop, and no other."""
        return "\n".join([self.breakpoint or "", *(f"{one.id} {one.answered}" for one in self.questions)])


async def stopped_at(graph: CompiledGraph, saver: BaseCheckpointSaver[Any], config: RunnableConfig) -> Stopped:
    """The open questions of a thread, or its breakpoint."""
    state = await graph.aget_state(config)
    asked = await open_questions(graph, saver, config) if state.tasks else {}
    checkpoint_id = str(state.config.get("configurable", {}).get("checkpoint_id"))
    return Stopped(state.values, list(state.next), asked, None if asked else checkpoint_id)


async def completed(graph: CompiledGraph, found: CheckpointTuple) -> StateSnapshot:
    """The state after the last completed superstep, as its `values` event shows it.

    Addressed by its id; the state of a thread as such has the results of unfinished supersteps in it.
    """
    return await graph.aget_state(at_checkpoint(found.config, found.checkpoint["id"]))


async def open_questions(
    graph: CompiledGraph, saver: BaseCheckpointSaver[Any], config: RunnableConfig
) -> dict[str, OpenQuestion]:
    """The open interrupts of a thread, subgraphs included, by id, in the order of the tasks."""
    state = await graph.aget_state(config, subgraphs=True)
    return {question.interrupt.id: question async for question in _walk(state, saver)}


async def _walk(state: StateSnapshot, saver: BaseCheckpointSaver[Any]) -> AsyncIterator[OpenQuestion]:
    for task in state.tasks:
        if isinstance(task.state, StateSnapshot):
            async for question in _walk(task.state, saver):
                yield question
        elif task.interrupts:
            answered = await _answers_consumed(saver, state.config, task.id)
            namespace = str(state.config.get("configurable", {}).get("checkpoint_ns", ""))
            for interrupt in task.interrupts:
                yield OpenQuestion(interrupt, tuple(filter(None, namespace.split("|"))), answered)


async def _answers_consumed(saver: BaseCheckpointSaver[Any], config: RunnableConfig, task_id: str) -> int:
    saved = await saver.aget_tuple(config)
    writes = (saved.pending_writes if saved else None) or []
    consumed = [value for task, channel, value in writes if task == task_id and channel == _RESUME]
    return sum(len(cast("list[Any]", value)) if isinstance(value, list) else 1 for value in consumed)


def still_due(answers: Sequence[DeliveredAnswer], asked: Mapping[str, OpenQuestion]) -> dict[str, Any]:
    """Interrupt id to value of the answers that their tasks have not consumed."""
    return {
        answer.id: answer.value
        for answer in answers
        if answer.id in asked and asked[answer.id].answered == answer.answered
    }
