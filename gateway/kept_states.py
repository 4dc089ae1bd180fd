"""Answers about the states of threads on which nothing happens.

Pages ask for the same one again and again, and each reading takes a worker. A state is known by the times of its
thread, one of which changes whenever a run ends or somebody writes into the state; while a run is in flight nothing is
kept. How a graph shows a state may change with a deploy, so an answer is kept for a moment only.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import datetime

from ..contracts.threads import ThreadDetails, ThreadStatus
from ..facade.runs import RunsFacade
from .reading import existing, shown
from .replies import encode
from .state_views import shown_state

LIFETIME = 5.0
"""Seconds."""
_MOST = 200
_LARGEST = 2**16
"""Bytes of an answer."""

_Key = tuple[str, str | None, bool, datetime, datetime | None]


class KeptStates:
    """Of one gateway."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, tuple[float, bytes]] = OrderedDict()

    async def answer(self, runs: RunsFacade, thread_id: str, checkpoint_id: str | None, *, subgraphs: bool) -> bytes:
        """The state as JSON. Raises 404, and what a reading does."""
        key = _key(await existing(runs, thread_id), checkpoint_id, subgraphs=subgraphs)
        at, found = self._kept.get(key, (0.0, b"")) if key is not None else (0.0, b"")
        if found and time.monotonic() - at < LIFETIME:
            return found
        found = encode(shown_state(await shown(runs, thread_id, checkpoint_id), subgraphs=subgraphs))
        # What has begun meanwhile may be in it already.
        after = _key(await existing(runs, thread_id), checkpoint_id, subgraphs=subgraphs)
        if key is not None and key == after and len(found) <= _LARGEST:
            self._keep(key, found)
        return found

    def _keep(self, key: _Key, found: bytes) -> None:
        self._kept[key] = time.monotonic(), found
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def _key(thread: ThreadDetails, checkpoint_id: str | None, *, subgraphs: bool) -> _Key | None:
    """`None`: it may change at any moment."""
    if thread.status in (ThreadStatus.RUNNING, ThreadStatus.AWAITING_INPUT):
        return None
    return thread.thread_id, checkpoint_id, subgraphs, thread.updated_at, thread.state_updated_at
