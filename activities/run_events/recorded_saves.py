"""Around each save of a run: its stream first, then its events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...checkpoints.contract import SaveHooks
from ...contracts.langgraph_names import ERROR, HANDED_ON, INTERRUPT, RESUME
from .recorder import EventRecorder

_NO_ENDS = {ERROR, INTERRUPT, RESUME}
"""LangGraph's channels for writes of a task that will run again."""


class RecordedSaves:
    """The hooks of a live graph's saver."""

    def __init__(self, stream: SaveHooks, recorder: EventRecorder) -> None:
        self._stream = stream
        self._recorder = recorder
        self.durability = "sync"
        """LangGraph's. With `exit` nothing is saved before the graph ends; with `async` it does not wait for saves."""
        self.after_writes = stream.after_writes
        self.after_checkpoint = stream.after_checkpoint
        self.loaded = stream.loaded

    async def before_writes(
        self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]], *, namespace: str
    ) -> None:
        await self._stream.before_writes(task_id, task_path, writes, namespace=namespace)
        channels = {channel for channel, _ in writes}
        if not channels <= _NO_ENDS or HANDED_ON in channels:
            await self._recorder.before_writes(task_id)
        else:
            await self._recorder.flush()

    async def before_checkpoint(self, checkpoint_id: str, *, namespace: str) -> None:
        await self._stream.before_checkpoint(checkpoint_id, namespace=namespace)
        if not (self.durability == "exit" and namespace):  # of a subgraph: its checkpoint alone is of no use
            await self._recorder.before_checkpoint(namespace, ahead=self.durability == "async")
