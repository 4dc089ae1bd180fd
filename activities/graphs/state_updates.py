"""A change of a thread's state from outside, by its graph: once, however often the activity is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.errors import InvalidUpdateError

from ...checkpoints.saver import FencedSaver
from ...contracts.containment import ContainedExit, contained
from ...contracts.errors import (
    GraphLoadError,
    InvalidRunError,
    ThreadNotFoundError,
    TypeNotAllowedError,
    UnstorableError,
)
from ...contracts.serialization.allowed_types import refusing_types
from ...contracts.serialization.text import message_of
from ...contracts.specs import load_value
from ...contracts.wire_thread import ChangeStateInput, StateChange, StateChanged, StateQuery, update_owner
from ...store.exchange import StateUpdate
from .back_ends import BackEnds
from .run_config import at_checkpoint, thread_config
from .thread_state import Snapshots

_UPDATE_ID = "update_id"
"""The key of a checkpoint's metadata that says which change has made it."""


@dataclass(frozen=True, slots=True)
class States:
    """Changes states, each behind a fence of its own: a worker that wakes late changes nothing."""

    ends: BackEnds
    snapshots: Snapshots

    async def change(self, request: ChangeStateInput, *, fence: int) -> StateChanged:
        """Raises `InvalidRunError` when the graph refuses the values or cannot be loaded, `ThreadNotFoundError`."""
        change, thread_id = request.change, request.thread_id
        owner = update_owner(change.update_id)
        await self.ends.checkpoints.take(owner, thread_id, fence=fence)
        saver = FencedSaver(self.ends.checkpoints, owner, fence=fence, hooks=_NoHooks(), is_run=False)
        head = await self.ends.checkpoints.saver.aget_tuple(thread_config(thread_id))
        if head is not None and _made_by(head) == change.update_id:  # by an attempt that could not say so any more
            checkpoint_id = str(head.checkpoint["id"])
        else:
            # Behind the fence: an attempt that wakes late finds that the thread, or the values, are gone.
            await self._check_thread(owner, request)
            kept = await self.ends.store.threads.get_update(change.update_id)
            checkpoint_id = await self._apply(saver, thread_id, change, _values(kept))
        # While no run of the thread may begin: what is read is what the change has made.
        await self.snapshots.answer(
            StateQuery(read_id=change.update_id, thread_id=thread_id, assistant_id=change.assistant_id), changed=True
        )
        await self.ends.checkpoints.settle(owner)
        await self.ends.store.threads.drop_update(change.update_id)
        await self.ends.checkpoints.forget(owner)  # and with it the fence, so the values have to be gone before
        return StateChanged(checkpoint_id=checkpoint_id)

    async def _check_thread(self, owner: str, request: ChangeStateInput) -> None:
        """It may have been removed since its client has looked, and be another user's now."""
        if not await self.ends.has_thread(request.thread_id, request.change.user_id):
            await self.ends.checkpoints.forget(owner)
            raise ThreadNotFoundError(request.thread_id)

    async def _apply(self, saver: FencedSaver, thread_id: str, change: StateChange, values: Any) -> str:
        config = thread_config(thread_id)
        if change.checkpoint_id is not None:
            config = at_checkpoint(config, change.checkpoint_id)
            if await self.ends.checkpoints.saver.aget_tuple(config) is None:
                raise InvalidRunError(f"thread {thread_id!r} has no checkpoint {change.checkpoint_id!r}")
        config["metadata"] = {_UPDATE_ID: change.update_id, "assistant_id": change.assistant_id}
        try:
            async with self.ends.graphs.open(change.assistant_id, config, saver) as graph:
                with contained():
                    made: RunnableConfig = await graph.aupdate_state(config, values, as_node=change.as_node)
        except (InvalidUpdateError, GraphLoadError, ContainedExit, TypeNotAllowedError, UnstorableError) as exc:
            raise InvalidRunError(f"the state of thread {thread_id!r} cannot be changed so: {message_of(exc)}") from exc
        return str(made.get("configurable", {})["checkpoint_id"])


def _values(kept: StateUpdate) -> Any:
    try:
        with refusing_types():
            return load_value(kept.kind, kept.payload)
    except TypeNotAllowedError as exc:
        raise InvalidRunError(f"the state cannot be changed so: {exc}") from exc


def _made_by(found: CheckpointTuple) -> Any:
    return cast("dict[str, Any]", found.metadata).get(_UPDATE_ID)


class _NoHooks:
    """Nobody streams what a change from outside saves."""

    async def before_writes(
        self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]], *, namespace: str
    ) -> None:
        return None

    def after_writes(self, task_id: str, *, saved: bool, given_up: bool = False) -> None:
        return None

    async def before_checkpoint(self, checkpoint_id: str, *, namespace: str) -> None:
        return None

    def after_checkpoint(self, checkpoint_id: str, *, saved: bool, given_up: bool = False) -> None:
        return None

    def loaded(self, found: CheckpointTuple) -> None:
        return None
