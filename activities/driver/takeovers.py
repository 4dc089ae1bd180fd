"""Takeovers: why the attempt before this one failed, and whether the run has lost too many workers.

A run whose node crashes its process, or takes all of its memory, would go round the workers without end and stop each
of them. What counts is what became of the worker: a deploy hands its runs over, and a back end that is away is no
fault of the run. So Temporal is asked how the attempt before this one ended.
"""

from __future__ import annotations

import logging

from langgraph.checkpoint.base import CheckpointTuple
from temporalio import activity
from temporalio.client import Client

from ...checkpoints.contract import Checkpoints
from ...checkpoints.due import due_nodes
from ...contracts.closing import closing
from ...contracts.langgraph_names import START
from ...contracts.types import RunError, RunRecord, RunSpec
from ...contracts.wire import SliceInput
from ...store.contract import Setback
from ..attempt.failures import final_failure
from ..attempt.trouble import WORKER_LOST, last_failure
from .resume_point import steps_spent
from .suspects import waits_from

logger = logging.getLogger(__name__)


async def setback(client: Client, checkpoints: Checkpoints, slice: SliceInput) -> Setback | None:
    """What has to be known of the attempt before this one; `None`: there was none, so all is well."""
    info = activity.info()
    if info.attempt > 1:
        failure = await last_failure(client, info)
    elif slice.lost:  # before its first attempt: those that follow have their own reasons, and Temporal knows them
        failure = RunError(type=WORKER_LOST, message="the worker stopped answering")
    else:
        return None
    position = await _position(checkpoints, slice.thread_id)
    return Setback(
        failure,
        lost=failure.type == WORKER_LOST,
        position=position,
        times=info.attempt - 1,
        waits_from=waits_from(slice.limits.max_takeovers),
    )


async def check_takeovers(record: RunRecord, slice: SliceInput, spec: RunSpec, checkpoints: Checkpoints) -> None:
    """Raises the failure that ends the run if it has lost more workers in a row than it may."""
    limit, trouble = slice.limits.max_takeovers, record.trouble
    if limit is None or trouble is None or trouble.lost <= limit:
        return
    where = await _where(checkpoints, slice, spec)
    text = (
        f"{trouble.lost} workers in a row were lost over {where}, without a completed superstep between them. "
        "It may take more memory than there is, crash or end its process, or block it for longer than "
        f"runs.heartbeat_timeout. It is not tried again (runs.max_takeovers: {limit})"
    )
    logger.error("run %s ends: %s", slice.run_id, text)
    raise final_failure(RunError(type=WORKER_LOST, message=text), activity.info().attempt)


async def _position(checkpoints: Checkpoints, thread_id: str) -> str | None:
    """It changes when a superstep or a task is completed, at any depth; `None`: it cannot be read now."""
    try:
        newest = await _newest(checkpoints, thread_id)
    except Exception as exc:
        if not checkpoints.outage(exc):
            raise
        return None
    if newest is None:
        return ""
    return f"{newest.checkpoint['id']} {len({task for task, _, _ in newest.pending_writes or ()})}"


async def _newest(checkpoints: Checkpoints, thread_id: str) -> CheckpointTuple | None:
    """The newest checkpoint of the thread, of whatever namespace."""
    newest: CheckpointTuple | None = None
    # In the order of their ids, which are of their time; the saver in memory goes from namespace to namespace.
    limit = None if type(checkpoints.saver).__name__.startswith("InMemory") else 1
    async with closing(checkpoints.saver.alist({"configurable": {"thread_id": thread_id}}, limit=limit)) as listed:
        async for found in listed:
            if newest is None or found.checkpoint["id"] > newest.checkpoint["id"]:
                newest = found
    return newest


async def _where(checkpoints: Checkpoints, slice: SliceInput, spec: RunSpec) -> str:
    """`superstep 7 (research › tools)`. Told by the checkpoints alone: to load the graph may be what kills."""
    root = await checkpoints.saver.aget_tuple({"configurable": {"thread_id": slice.thread_id, "checkpoint_ns": ""}})
    note = await checkpoints.note(slice.run_id)
    spent = steps_spent(slice.run_id, root, note) if note else 0
    if root is None or spent == 0:
        return "its first superstep"
    # As `input_steps`, for which the graph would have to be there.
    of_input = 2 if START in root.checkpoint["channel_versions"] else 1
    applied = 0 if spec.input is None else of_input
    newest = await _newest(checkpoints, slice.thread_id) or root
    due = sorted({*due_nodes(newest)})
    nodes = (*_path(newest), ", ".join(due) or "?")
    return f"superstep {max(slice.steps, spent - applied) + 1} ({' › '.join(nodes)})"


def _path(found: CheckpointTuple) -> tuple[str, ...]:
    namespace: str = found.config.get("configurable", {}).get("checkpoint_ns", "")
    return tuple(part.partition(":")[0] for part in namespace.split("|") if part)
