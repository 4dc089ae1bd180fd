"""Answers to a question that is not open any more, because the state of its thread was changed since.

The change has made a checkpoint of its own, at which nothing has been asked yet. LangGraph takes an answer there all
the same: it gives it to the first `interrupt()` that is called. Such an answer has no id. LangGraph saves it beside the
checkpoint before a node can take it, which tells whether it was given. After a cut it would answer the next question,
too, so it is taken away once something has consumed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from ...checkpoints.due import due_nodes
from ...contracts.answers import names_questions
from ...contracts.closing import closing
from ...contracts.langgraph_names import NO_TASK, RESUME
from ...contracts.types import RunSpec
from ...contracts.wire import DeliveredAnswer


@dataclass(frozen=True, slots=True)
class NextAnswer:
    """An answer to what is asked next."""

    value: Any


def answer_by_command(spec: RunSpec, head: CheckpointTuple | None) -> NextAnswer | None:
    """Of a run that began when nothing was open; `None` where its thread has ended, or it names a question."""
    resume = None if spec.command is None else spec.command.resume
    return None if resume is None or names_questions(resume) or not _goes_on(head) else NextAnswer(resume)


def answer_after_edit(answers: Sequence[DeliveredAnswer], head: CheckpointTuple | None) -> NextAnswer | None:
    """Of a run that waited while somebody changed the state of its thread, so that nothing is open."""
    edited = head is not None and head.metadata.get("source") in ("update", "fork")
    return NextAnswer(answers[0].value) if edited and len(answers) == 1 and _goes_on(head) else None


def is_given(head: CheckpointTuple | None) -> bool:
    """Whether LangGraph has such an answer at this checkpoint."""
    writes = head.pending_writes if head else None
    return any(task == NO_TASK and channel == RESUME for task, channel, _ in writes or ())


async def take_away(saver: BaseCheckpointSaver[Any], head: CheckpointTuple, run_id: str) -> bool:
    """Before a graph is resumed: an answer of the run that was consumed is given to nothing else."""
    if not _waits(head) or not await _consumed(saver, head, run_id):
        return False
    # LangGraph takes None for no answer. There is no way to remove a write.
    await saver.aput_writes(head.config, [(RESUME, None)], NO_TASK)
    return True


def _waits(head: CheckpointTuple) -> bool:
    writes = head.pending_writes or ()
    return any(task == NO_TASK and channel == RESUME and value is not None for task, channel, value in writes)


async def _consumed(saver: BaseCheckpointSaver[Any], head: CheckpointTuple, run_id: str) -> bool:
    """Its task has saved it with what it has written; the task of a subgraph in a namespace of its own."""
    if _has_answers(head):
        return True
    everywhere: RunnableConfig = {"configurable": {"thread_id": head.config.get("configurable", {})["thread_id"]}}
    async with closing(saver.alist(everywhere, filter={"run_id": run_id})) as listed:
        async for found in listed:
            if str(found.checkpoint["id"]) > str(head.checkpoint["id"]) and _has_answers(found):
                return True
    return False


def _has_answers(found: CheckpointTuple) -> bool:
    return any(task != NO_TASK and channel == RESUME for task, channel, _ in found.pending_writes or ())


def _goes_on(head: CheckpointTuple | None) -> bool:
    return head is not None and next(due_nodes(head), None) is not None
