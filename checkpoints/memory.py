"""Checkpoints in memory, for tests and notebooks: gone with the process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from langgraph.checkpoint.memory import InMemorySaver

from ..contracts.errors import FencedError
from .contract import Checkpoints, RunNote


class MemoryCheckpoints(Checkpoints):
    """`InMemorySaver`, fenced. Its writes never wait, so a fence that holds before one holds during it."""

    def __init__(self) -> None:
        self._saver = InMemorySaver()
        self._fences: dict[str, int] = {}
        self._notes: dict[str, RunNote] = {}

    @property
    def saver(self) -> InMemorySaver:
        return self._saver

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def take(self, run_id: str, thread_id: str, *, fence: int) -> None:
        self._check(run_id, fence, self._fences.get(run_id, fence))
        self._fences[run_id] = fence

    @asynccontextmanager
    async def guard(self, run_id: str, *, fence: int) -> AsyncGenerator[None]:
        # No fence: the run was deleted, which outranks every attempt.
        self._check(run_id, fence, self._fences.get(run_id, 2**62))
        yield

    async def note(self, run_id: str, note: RunNote | None = None) -> RunNote | None:
        return self._notes.get(run_id) if note is None else self._notes.setdefault(run_id, note)

    def outage(self, error: BaseException) -> bool:
        return False

    async def forget(self, run_id: str) -> None:
        self._fences.pop(run_id, None)
        self._notes.pop(run_id, None)

    def _check(self, run_id: str, fence: int, current: int) -> None:
        if fence < current:
            raise FencedError(run_id, fence, current)
