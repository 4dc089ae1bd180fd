"""The steps of a run with their times, of every graph: from the checkpoints that it has left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from ..contracts.threads import ThreadSnapshot
from ..contracts.types import RunRecord

if TYPE_CHECKING:
    from ..facade import RunsFacade

_PAGE = 200
"""Checkpoints of one query. All of them are shown."""


async def step_lines(runs: RunsFacade, record: RunRecord) -> list[str]:
    """One line for each superstep: when it ended, how long it took, which nodes. Raises as `history`.

    A thread has one run at a time, so what was saved between the run's start and its end is its own.
    """
    saved = [one async for one in _saved(runs, record)][::-1]
    begin = record.started_at or record.created_at
    return [_line(before, after, begin) for before, after in pairwise(saved)]


async def _saved(runs: RunsFacade, record: RunRecord) -> AsyncIterator[ThreadSnapshot]:
    """The newest first."""
    before: str | None = None
    begin, end = record.started_at or record.created_at, record.ended_at or datetime.now(UTC)
    while page := await runs.history(record.thread_id, limit=_PAGE, before=before, stored=True):
        for one in page:
            if one.created_at is None or one.created_at < begin:
                return
            if one.created_at <= end:
                yield one
        before = page[-1].checkpoint_id


def _line(before: ThreadSnapshot, after: ThreadSnapshot, begin: datetime) -> str:
    assert before.created_at is not None
    assert after.created_at is not None
    at, took = (after.created_at - begin).total_seconds(), (after.created_at - before.created_at).total_seconds()
    return f"{at:8.1f}  {after.metadata.get('step', '?')} · {', '.join(before.next) or '?'}  {took:.2f} s"
