"""The interrupts of a graph that wait for an answer, and how each answer is delivered exactly once.

An answer that is given again after a crash could answer the next question of the same node. LangGraph keeps the
answers that a task has consumed beside its checkpoint, so an answer is delivered again only while their number is
the one at the time of the question. (`tests/activities/driver/test_questions.py`
cuts a run at every write.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.types import StateSnapshot

from ...contracts.errors import PerdureError
from ...contracts.serialization.serializer import to_json
from ...contracts.types import RunInterrupt
from ...contracts.wire import DeliveredAnswer, Question
from .graph_registry import CompiledGraph
from .open_interrupts import OpenQuestion, missing_nodes, namespace_of, questions_of
from .run_config import at_checkpoint

_PREVIEW_LENGTH = 200
"""Characters of a question that the Temporal UI shows."""


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
    asked = await questions_of(graph, state, saver)
    if asked:
        return Stopped(state.values, list(state.next), asked, None, [])
    # A breakpoint may be before a node that a newer graph does not have.
    next = list(state.next) or [name async for name in missing_nodes(graph, state, saver)]
    return Stopped(state.values, next, {}, _checkpoint_id(state), list(_held(state, next)))


async def completed(graph: CompiledGraph, found: CheckpointTuple) -> StateSnapshot:
    """The state after the last completed superstep, as its `values` event shows it.

    Addressed by its id; the state of a thread as such has the results of unfinished supersteps in it.
    """
    return await graph.aget_state(at_checkpoint(found.config, found.checkpoint["id"]))


async def open_questions(
    graph: CompiledGraph, saver: BaseCheckpointSaver[Any], config: RunnableConfig
) -> dict[str, OpenQuestion]:
    """The open interrupts of a thread, subgraphs included, by id, in the order of the tasks."""
    return await questions_of(graph, await shown_state(graph, config), saver)


async def shown_state(graph: CompiledGraph, config: RunnableConfig) -> StateSnapshot:
    """With those of graphs within, unless one of them cannot show its own: that may be why the run has failed."""
    try:
        return await graph.aget_state(config, subgraphs=True)
    except PerdureError:
        raise
    except Exception:  # noqa: BLE001 - whatever a graph's code raises
        return await graph.aget_state(config)


def still_due(answers: Sequence[DeliveredAnswer], asked: Mapping[str, OpenQuestion]) -> dict[str, Any]:
    """Interrupt id to value of the answers that their tasks have not consumed."""
    return {
        answer.id: answer.value
        for answer in answers
        if answer.id in asked and asked[answer.id].answered == answer.answered
    }


def _held(state: StateSnapshot, next: Sequence[str]) -> Iterator[RunInterrupt]:
    """The breakpoints of the innermost graphs that have not come to their end."""
    inner = [task.state for task in state.tasks if isinstance(task.state, StateSnapshot)]
    below = [held for one in inner for held in _held(one, one.next)]
    if below:
        yield from below
    elif next:
        place = namespace_of(state.config)
        yield RunInterrupt(id=_checkpoint_id(state), value={"breakpoint": list(next)}, namespace=place)


def _checkpoint_id(state: StateSnapshot) -> str:
    return str(state.config.get("configurable", {}).get("checkpoint_id"))


def _in_one_line(value: Any) -> str:
    text = value if isinstance(value, str) else to_json(value).decode()
    words = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return words if len(words) <= _PREVIEW_LENGTH else f"{words[: _PREVIEW_LENGTH - 1]}…"
