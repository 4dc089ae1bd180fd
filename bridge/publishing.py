"""Publishing, once each, although the answer to a call may be lost.

Each batch of a process has a number, which the stream keeps: one that is sent again appends nothing. When it is given
up, its outcome is unknown. The same events with the same fence, published next, are taken for that batch again.

A publisher also says which id it was told last, so that a server that has lost its newest events gives none of their
ids anew.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count

from ..contracts.errors import FencedError, RunNotFoundError, StreamEndedError, UnavailableError
from ..contracts.recent import RecentMap
from .contract import NewEvent
from .stream import size_of


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call publishes."""

    run_id: str
    events: Sequence[NewEvent]
    fence: int
    terminal: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return size_of(self.events)


@dataclass(frozen=True, slots=True)
class Append:
    """A batch on its way to the server, which knows it again by its number."""

    batch: Batch
    writer: str
    """The process that it comes from."""
    number: int
    """Larger than those of the writer's batches of before."""
    told: int | None
    """The last id that the batch's attempt was told. `None`: it cannot know."""


Send = Callable[[Append], Awaitable[tuple[str, int]]]
"""Gives what the server says: `ok` and the id of the stream's last event, `fenced` and the newer fence, `unknown`, or
`ended`. What else it says is no answer to the batch."""


@dataclass(frozen=True, slots=True)
class _Told:
    """The id of the last event, as the server told an attempt. Another attempt may have been told of later ones."""

    last: int
    fence: int


class Publishing:
    """Of one process, down its line."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._writer = secrets.token_hex(4)
        self._numbers = count(1)
        self._told: RecentMap[str, _Told | Append | None] = RecentMap()
        """By run. An `Append` is one that was given up."""
        self._attempts: RecentMap[str, tuple[int, int]] = RecentMap()
        """By run: an attempt, and the fence that it writes with."""

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int, terminal: bool = False) -> int:
        """The id of the stream's last event. Raises as `Bridge.publish`, and `UnavailableError`."""
        append = self._placed(Batch(run_id, tuple(events), fence, terminal))
        try:
            last = _last(append.batch, *await self._send(append))
        except UnavailableError:
            self._told[run_id] = append
            raise
        except asyncio.CancelledError:  # it may happen, too, and nobody is told with which ids
            self._told[run_id] = None
            raise
        self._told[run_id] = None if terminal else _Told(max(last, append.told or 0), fence)
        return last

    def writes_as(self, run_id: str, attempt: int, fence: int) -> None:
        """Within an attempt nobody else was told of later ids."""
        match self._told.get(run_id):
            case _Told(last, before) if self._attempts.get(run_id) == (attempt, before):
                self._told[run_id] = _Told(last, fence)
            case _:
                """Nothing was told, or another attempt was."""
        self._attempts[run_id] = attempt, fence

    def forget(self, run_id: str) -> None:
        """The stream is about to go, and its ids with it."""
        self._told[run_id] = None

    def _placed(self, batch: Batch) -> Append:
        match self._told.get(batch.run_id):
            case Append() as before if before.batch == batch:
                return before
            case _Told(told, fence) if fence == batch.fence:
                return Append(batch, self._writer, next(self._numbers), told)
            case _:  # some ids may have been given that nobody here was told of
                return Append(batch, self._writer, next(self._numbers), None)


def _last(batch: Batch, word: str, value: int) -> int:
    match word:
        case "ok":
            return value
        case "unknown":
            raise RunNotFoundError(batch.run_id)
        case "fenced":
            raise FencedError(batch.run_id, batch.fence, value)
        case "ended":
            raise StreamEndedError(batch.run_id)
        case _:  # a batch that another one has overtaken
            raise UnavailableError(f"the stream of run {batch.run_id!r} was not written: {word}")
