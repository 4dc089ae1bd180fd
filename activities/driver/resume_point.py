"""How a graph is begun or picked up: what it is given, so that nothing is applied twice and nothing is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.types import Command

from ...checkpoints.contract import Checkpoints, RunNote
from ...contracts.answers import answers_by_id
from ...contracts.errors import RunStateError, TypeNotAllowedError
from ...contracts.langgraph_names import NO_TASK, START
from ...contracts.serialization.allowed_types import showing_types
from ...contracts.types import RunSpec
from ...contracts.wire import DeliveredAnswer, SliceInput
from ..graphs.answers import RefusedAnswerError
from ..graphs.edited_state import NextAnswer, answer_after_edit, answer_by_command, is_given, take_away
from ..graphs.graph_registry import CompiledGraph
from ..graphs.interrupts import open_questions, still_due
from ..graphs.request_check import check_request
from ..graphs.run_config import at_checkpoint, is_of, thread_config
from ..graphs.served_nodes import check_served


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """What a graph is given."""

    input: Any
    """The run's input, a command, or `None` to go on."""
    base_step: int
    """LangGraph's number of the step before the run."""
    spent: int = 0
    """LangGraph's steps since then."""
    steps: int = 0
    """Supersteps of the run so far."""
    checkpoint_id: str | None = None
    """Fork from here."""
    answers: list[DeliveredAnswer] = field(default_factory=list[DeliveredAnswer])
    """The answers among the input."""
    held_at: str | None = None
    """The checkpoint of a breakpoint that holds the run: it was reached, but its worker died before it could say so."""


async def resume_point_of(
    slice: SliceInput,
    spec: RunSpec,
    graph: CompiledGraph,
    saver: BaseCheckpointSaver[Any],
    checkpoints: Checkpoints,
) -> ResumePoint:
    """What the graph is given now, by how its thread stands.

    Raises `RunStateError`, or `RefusedAnswerError` where its question stays open.
    """
    try:
        return await _Beginning(slice, spec, graph, saver, checkpoints).start()
    except TypeNotAllowedError as exc:
        with showing_types():
            head = await saver.aget_tuple(thread_config(slice.thread_id))
        if slice.answers or (head is not None and _id(head) == slice.breakpoint):
            raise RefusedAnswerError(str(exc)) from exc
        raise


def input_steps(spec: RunSpec, graph: CompiledGraph) -> int:
    """LangGraph counts the application of an input as a step, and a `StateGraph`'s start as another one."""
    if spec.input is None:
        return 0
    return 2 if START in graph.nodes else 1


def steps_spent(run_id: str, head: CheckpointTuple | None, note: RunNote) -> int:
    """LangGraph's steps of a run whose thread stands at `head`; 0 until the run has saved its first checkpoint."""
    if head is None or _id(head) == note.checkpoint_id or not is_of(head, run_id):
        return 0
    return _step(head) - note.step


@dataclass(frozen=True, slots=True)
class _Beginning:
    slice: SliceInput
    spec: RunSpec
    graph: CompiledGraph
    saver: BaseCheckpointSaver[Any]
    checkpoints: Checkpoints

    async def start(self) -> ResumePoint:
        head = await self._newest()
        note = await self.checkpoints.note(self.slice.run_id) or await self._take_note(head)
        spent = steps_spent(self.slice.run_id, head, note)
        own = spent > 0  # the run has saved something, so that its input is applied
        if head is not None and (own or self.slice.answers or self._answers_by_command):
            await check_served(self.slice, self.graph, self.saver, head)
        answers, resume = await self._answers(head, note, own=own)
        point = ResumePoint(
            input=self._input(head, note, resume, own=own),
            spent=spent,
            base_step=note.step,
            steps=max(0, spent - input_steps(self.spec, self.graph)),
            checkpoint_id=None if own else self._requested_checkpoint,
            answers=answers,
        )
        if own and point.input is None and head and (held := await self._breakpoint(head)):
            return replace(point, held_at=held, answers=[])
        return point

    async def _newest(self) -> CheckpointTuple | None:
        head = await self.saver.aget_tuple(self._config)
        if head is not None and await take_away(self.saver, head, self.slice.run_id):
            return await self.saver.aget_tuple(self._config)
        return head

    async def _answers(
        self, head: CheckpointTuple | None, note: RunNote, *, own: bool
    ) -> tuple[list[DeliveredAnswer], Any]:
        """The run's answers, and what of them is given now (`None`: nothing, it was given before).

        | the run | its answers | given now |
        |---|---|---|
        | was answered while it waited | those | those whose question is open still |
        | the same, but an edit has left nothing open | those | if it is one: it, to what is asked next |
        | begins with `command.resume`, while nothing is open | none | it, to what is asked next |
        | the same, while questions are open | one for each | those whose question is open still |
        """
        begins_unasked = not self.slice.answers and not own and not note.answered
        if begins_unasked and (to_next := answer_by_command(self.spec, head)) is not None:
            return [], _not_given(to_next, head)
        answers = self.slice.answers or self._command_answers(note, own=own)
        asked = await open_questions(self.graph, self.saver, self._config) if answers else {}
        if self.slice.answers and not asked:
            return answers, _not_given(answer_after_edit(answers, head), head)
        return answers, still_due(answers, asked) or None

    @property
    def _config(self) -> RunnableConfig:
        return thread_config(self.slice.thread_id)

    @property
    def _requested_checkpoint(self) -> str | None:
        request = self.spec.checkpoint_request
        return request.checkpoint_id if request else None

    async def _take_note(self, head: CheckpointTuple | None) -> RunNote:
        """Note, once and durably, how the thread stands before the run. Raises `RunStateError`."""
        base = await self._base(head)
        check_request(self.slice, self.spec, self.graph, head=head, base=base)
        asked = {}
        if self.spec.command is not None and self.spec.command.resume is not None:
            asked = await open_questions(self.graph, self.saver, self._config)
        note = RunNote(
            checkpoint_id=None if head is None else _id(head),
            step=_step(base),
            command_writes=_command_writes(head),
            answered={key: question.answered for key, question in asked.items()},
        )
        return await self.checkpoints.note(self.slice.run_id, note) or note

    async def _base(self, head: CheckpointTuple | None) -> CheckpointTuple | None:
        """The checkpoint from which the run starts."""
        wanted = self._requested_checkpoint
        if wanted is None or (head is not None and _id(head) == wanted):
            return head
        return await self.saver.aget_tuple(at_checkpoint(self._config, wanted))

    def _input(self, head: CheckpointTuple | None, note: RunNote, resume: Any, *, own: bool) -> Any:
        command = self.spec.command
        if self.slice.answers or command is None:
            going_on = own or bool(self.slice.answers)
            return _command(resume=resume) if going_on or resume is not None else self.spec.input
        applied = own or _command_writes(head) > note.command_writes
        return _command(resume=resume, update=None if applied else command.update, goto=() if applied else command.goto)

    @property
    def _answers_by_command(self) -> bool:
        return self.spec.command is not None and self.spec.command.resume is not None

    def _command_answers(self, note: RunNote, *, own: bool) -> list[DeliveredAnswer]:
        """The answers of `command.resume`, each to the question that was open when the run began."""
        resume = self.spec.command.resume if self.spec.command else None
        if resume is None or (own and not note.answered):
            return []
        try:
            values = answers_by_id(resume, list(note.answered))
        except ValueError as exc:
            raise RunStateError(self.slice.run_id, f"command.resume: {exc}") from exc
        return [DeliveredAnswer(id=key, value=value, answered=note.answered[key]) for key, value in values.items()]

    async def _breakpoint(self, head: CheckpointTuple) -> str | None:
        """A breakpoint between this checkpoint and the next superstep that nobody has passed yet.

        LangGraph takes a `None` input as leave to pass, so after a crash we have to look ourselves.
        """
        checkpoint_id = _id(head)
        before = self.spec.interrupt_before or self.graph.interrupt_before_nodes
        after = self.spec.interrupt_after or self.graph.interrupt_after_nodes
        if checkpoint_id == self.slice.breakpoint or not (before or after):
            return None
        following = (await self.graph.aget_state(self._config)).next
        if not following:
            return None
        if before and _hits(before, following):
            return checkpoint_id
        if after and head.parent_config and _hits(after, (await self.graph.aget_state(head.parent_config)).next):
            return checkpoint_id
        return None


def _not_given(to_next: NextAnswer | None, head: CheckpointTuple | None) -> Any:
    return None if to_next is None or is_given(head) else to_next.value


def _command(*, resume: Any, update: Any = None, goto: str | tuple[str, ...] = ()) -> Command[Any] | None:
    if resume is None and update is None and not goto:
        return None
    return Command(resume=resume, update=update, goto=goto)


def _hits(nodes: Sequence[str] | str, names: tuple[str, ...]) -> bool:
    visible = set(names) - {START}
    return bool(visible) if nodes == "*" else not visible.isdisjoint(nodes)


def _id(head: CheckpointTuple) -> str:
    return str(head.checkpoint["id"])


def _step(head: CheckpointTuple | None) -> int:
    return -2 if head is None else int(head.metadata.get("step", -2))


def _command_writes(head: CheckpointTuple | None) -> int:
    return sum(1 for task, _, _ in (head.pending_writes if head else None) or () if task == NO_TASK)
