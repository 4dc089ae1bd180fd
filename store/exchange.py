"""What client and worker tell each other of states by way of the store: values do not cross Temporal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StateUpdate:
    """The values of a state update, as `dump_value` gives them: they do not cross Temporal."""

    kind: str
    payload: bytes


class StateExchange(Protocol):
    """Values of updates on their way to a worker, and what a worker has read on its way back."""

    async def put_update(self, update_id: str, change: StateUpdate) -> None:
        """Keep the values of a state update for the worker that applies it. Idempotent."""
        ...

    async def get_update(self, update_id: str) -> StateUpdate:
        """Raises `RunNotFoundError`."""
        ...

    async def drop_update(self, update_id: str) -> None:
        """Idempotent."""
        ...

    async def put_answer(self, read_id: str, answer: bytes) -> None:
        """Keep what a worker has read of a state for the client that has asked. Idempotent."""
        ...

    async def take_answer(self, read_id: str) -> bytes | None:
        """What was read, once; `None` when there is nothing (any more)."""
        ...

    async def drop_left(self, before: datetime) -> int:
        """Remove what was put earlier than that and nobody came for; how many there were.

        What is kept for the questions of a run that has not ended stays: it is waited for.
        """
        ...
