"""A copy of a thread: first its checkpoints, which nobody sees without a record, then that."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from ..contracts.actor import resolve_user_id
from ..contracts.serialization.serializer import to_json
from ..contracts.threads import ThreadDetails, ThreadRecord, ThreadSnapshot, ThreadStatus
from ..store.thread_contract import ThreadLeft, ThreadStore

CopyState = Callable[[ThreadRecord, str], Awaitable[ThreadSnapshot | None]]
"""Gives the thread of this id the checkpoints of another one; its state then."""


async def copy_thread(store: ThreadStore, copy_state: CopyState, source: ThreadDetails) -> str:
    """The id of the copy, which is the caller's. It has no runs."""
    now, copy_id = datetime.now(UTC), str(uuid.uuid4())
    snapshot = None if source.assistant_id is None else await copy_state(source, copy_id)
    await store.create(
        ThreadRecord(
            thread_id=copy_id,
            metadata=source.metadata,
            assistant_id=source.assistant_id,
            user_id=resolve_user_id(),
            created_at=now,
            updated_at=now,
        )
    )
    if snapshot is not None:
        await store.leave(copy_id, _left(snapshot, source))
    return copy_id


def _left(snapshot: ThreadSnapshot, source: ThreadDetails) -> ThreadLeft:
    values = to_json(snapshot.values)
    if source.status is ThreadStatus.ERROR:
        return ThreadLeft(values, snapshot.interrupts, source.error, ThreadStatus.ERROR)
    status = ThreadStatus.INTERRUPTED if snapshot.next else ThreadStatus.IDLE
    return ThreadLeft(values, snapshot.interrupts, status=status)
