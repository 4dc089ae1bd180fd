"""Publishing, once each, although the answer to a call may be lost.

Each batch of a process has a number, which the stream keeps: one that is sent again appends nothing. When it is given
up, its outcome is unknown. The same events with the same fence, published next, are taken for that batch again.

A publisher also says which id it was told last, so that a server that has lost its newest events gives none of their
ids anew.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from ...contracts.errors import FencedError, RunNotFoundError, StreamEndedError, UnavailableError
from ...contracts.recent import RecentMap
from ..contract import NewEvent
from .keys import Keys
from .line import Line
from .scripts import PUBLISH, SERVER, Word


@dataclass(frozen=True, slots=True)
class _Batch:
    events: Sequence[NewEvent]
    fence: int
    terminal: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """The id of the last event, as the server told an attempt. Another attempt may have been told of later ones."""

    last: int
    fence: int


@dataclass(frozen=True, slots=True)
class _Unsettled:
    """A batch that was given up."""

    batch: _Batch
    number: int
    told: int | None


class Publishing:
    """Of one process, down its line."""

    def __init__(self, keys: Keys, line: Line) -> None:
        self._keys = keys
        self._line = line
        self._writer = secrets.token_hex(4)
        self._numbers = count(1)
        self._told: RecentMap[str, _Told | _Unsettled | None] = RecentMap()
        """By run."""
        self._attempts: RecentMap[str, tuple[int, int]] = RecentMap()
        """By run: an attempt, and the fence that it writes with."""

    async def publish(self, run_id: str, events: Sequence[NewEvent], *, fence: int, terminal: bool = False) -> int:
        """The id of the stream's last event. Raises as `Bridge.publish`, and `UnavailableError`."""
        batch = _Batch(tuple(events), fence, terminal)
        number, told = self._place(run_id, batch)
        try:
            last = await self._send(run_id, batch, number, told)
        except UnavailableError:
            self._told[run_id] = _Unsettled(batch, number, told)
            raise
        except asyncio.CancelledError:  # it may happen, too, and nobody is told with which ids
            self._told[run_id] = None
            raise
        self._told[run_id] = None if terminal else _Told(max(last, told or 0), fence)
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

    def _place(self, run_id: str, batch: _Batch) -> tuple[int, int | None]:
        """The batch's number, and the last id before it."""
        match self._told.get(run_id):
            case _Unsettled(before, number, told) if before == batch:
                return number, told
            case _Told(told, fence) if fence == batch.fence:
                return next(self._numbers), told
            case _:  # some ids may have been given that nobody here was told of
                return next(self._numbers), None

    async def _send(self, run_id: str, batch: _Batch, number: int, told: int | None) -> int:
        words = PUBLISH.call(
            self._keys.all(run_id),
            SERVER,
            self._keys.channel(run_id),
            f"{batch.fence:020}",
            self._writer,
            number,
            "" if told is None else told,
            int(batch.terminal),
            *_words(batch.events),
        )
        size = sum(len(one.data) for one in batch.events)
        match await self._line.call(words, of=run_id, size=size):
            case [b"ok", last]:
                return int(last)
            case [b"unknown"]:
                raise RunNotFoundError(run_id)
            case [b"fenced", current]:
                raise FencedError(run_id, batch.fence, int(current))
            case [b"ended"]:
                raise StreamEndedError(run_id)
            case other:  # a batch that another one has overtaken
                raise UnavailableError(f"the stream of run {run_id!r} was not written: {other!r}")


def _words(events: Sequence[NewEvent]) -> Iterator[Word]:
    for one in events:
        yield one.event
        yield "" if one.key is None else f"={one.key}"
        yield one.data
