"""An answer that comes before its question: of a thread whose state was edited while a question was open.

The edit makes a checkpoint of its own, where the node is due again and has asked nothing yet. There LangGraph keeps the
answer beside the checkpoint, as a write of no task, and gives it to what asks first. After a resume it would give it
to the next question, too, so it is taken away there once something has consumed it.
"""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from ..contracts.answers import names_questions
from ..contracts.types import RunSpec
from .config import thread_config
from .graphs import CompiledGraph
from .questions import NO_TASK

_RESUME = "__resume__"
_EDITS = ("update", "fork")
"""LangGraph's sources of checkpoints that a change from outside has made."""


async def may_come_early(
    graph: CompiledGraph, head: CheckpointTuple | None, config: RunnableConfig, value: Any
) -> bool:
    """Whether an answer is for what the nodes that are due will ask. No question is open."""
    if head is None or head.metadata.get("source") not in _EDITS or names_questions(value):
        return False
    return bool((await graph.aget_state(config)).next)


async def take_away(saver: BaseCheckpointSaver[Any], spec: RunSpec, run_id: str, thread_id: str) -> None:
    """Before a graph is resumed: an early answer of this run that was consumed is given to nothing else."""
    if spec.command is None or spec.command.resume is None:
        return
    head = await saver.aget_tuple(thread_config(thread_id))
    if head is not None and _waits(head) and await _consumed(saver, head, run_id, thread_id):
        # LangGraph takes None for no answer. There is no way to remove a write.
        await saver.aput_writes(head.config, [(_RESUME, None)], NO_TASK)


def _waits(head: CheckpointTuple) -> bool:
    return any(
        task == NO_TASK and channel == _RESUME and value is not None
        for task, channel, value in head.pending_writes or ()
    )


async def _consumed(saver: BaseCheckpointSaver[Any], head: CheckpointTuple, run_id: str, thread_id: str) -> bool:
    """Its task has saved it with what it has written; the task of a subgraph in a namespace of its own."""
    if _has_answers(head):
        return True
    everywhere: RunnableConfig = {"configurable": {"thread_id": thread_id}}
    async for found in saver.alist(everywhere, filter={"run_id": run_id}):
        if str(found.checkpoint["id"]) > str(head.checkpoint["id"]) and _has_answers(found):
            return True
    return False


def _has_answers(found: CheckpointTuple) -> bool:
    return any(task != NO_TASK and channel == _RESUME for task, channel, _ in found.pending_writes or ())
