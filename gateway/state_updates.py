"""Changes of a thread's state by clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..contracts.errors import InvalidRunError
from ..contracts.threads import ThreadSnapshot
from ..facade.runs import RunsFacade
from .bodies import CheckpointRef
from .errors import refuse
from .thread_bodies import Superstep


async def apply_supersteps(runs: RunsFacade, thread_id: str, supersteps: Sequence[Superstep]) -> None:
    """A history to begin with. Raises 422 for what cannot be."""
    for number, superstep in enumerate(supersteps):
        place = f"supersteps.{number}.updates"
        if len(superstep.updates) > 1:
            raise refuse(422, f"{place}: one update each; put what several nodes write into supersteps of their own")
        (update,) = superstep.updates
        if update.command is not None:
            raise refuse(422, f"{place}.0.command: leave it out, and give values")
        await change_state(runs, thread_id, update.values, as_node=update.as_node)


async def change_state(
    runs: RunsFacade, thread_id: str, values: Any, *, as_node: str | None = None, checkpoint_id: str | None = None
) -> ThreadSnapshot:
    """The state that it makes. Raises 400 for what the graph refuses."""
    try:
        made = await runs.update_state(thread_id, values, as_node=as_node, checkpoint_id=checkpoint_id)
    except InvalidRunError as exc:
        raise refuse(400, str(exc)) from exc
    if made is None:
        raise refuse(404, f"Thread with ID {thread_id} not found")
    return made


def checkpoint_id_of(checkpoint: CheckpointRef | None, checkpoint_id: str | None, field: str) -> str | None:
    """The one that is meant; of the thread itself, not of a subgraph's."""
    if checkpoint is None:
        return checkpoint_id
    if checkpoint.checkpoint_ns:
        raise refuse(422, f"{field}.checkpoint_ns: only checkpoints of the thread itself, so leave it out")
    return checkpoint.checkpoint_id or checkpoint_id
