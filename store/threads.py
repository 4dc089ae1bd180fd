"""The records of threads: they follow their runs, in the transaction of each change."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, update

from ..contracts.errors import RunNotFoundError, ThreadNotFoundError, ThreadTakenError
from ..contracts.threads import ThreadRecord, ThreadStatus
from ..contracts.types import RunRecord, RunStatus
from . import lifecycle
from .exchange import StateUpdate
from .locks import lock_thread
from .rows import OF_THREAD, PLACE
from .schema import runs, state_updates, threads
from .thread_matching import has_metadata
from .thread_search import ThreadSearch
from .upsert import insert

_ANSWER = "answer-"
"""Begins the ids of answers: they wait in the table of the values of updates, which go the other way."""
_COLUMNS = tuple(threads.c[name] for name in ThreadRecord.model_fields)
_AT_WORK = (RunStatus.PENDING.value, RunStatus.RUNNING.value)
_LEFT_AS = {
    RunStatus.INTERRUPTED.value: ThreadStatus.INTERRUPTED,
    RunStatus.ERROR.value: ThreadStatus.ERROR,
    RunStatus.TIMEOUT.value: ThreadStatus.ERROR,
}
"""How a run leaves its thread; else it is idle."""

_ITS_THREAD = threads.c.thread_id == bindparam("of_thread")
_RECORD = select(*_COLUMNS).where(_ITS_THREAD, threads.c.begun)
_CLAIM_ROW = insert(threads)
# Without a change of the row there would be no answer.
_CLAIM = _CLAIM_ROW.on_conflict_do_update(
    index_elements=[threads.c.thread_id], set_={"thread_id": _CLAIM_ROW.excluded.thread_id}
).returning(threads.c.user_id)
_HAS_RUNS = select(runs.c.position).where(runs.c.thread_id == threads.c.thread_id)
_RELEASE = delete(threads).where(_ITS_THREAD, threads.c.begun.is_(False), ~_HAS_RUNS.exists())
_DELETE = (
    delete(threads)
    .where(_ITS_THREAD, threads.c.begun, ~_HAS_RUNS.where(runs.c.submitted).exists())
    .returning(threads.c.user_id)
)
_KEEP_PLACE = (
    update(threads).where(_ITS_THREAD, func.coalesce(threads.c.last_place, 0) < PLACE).values(last_place=PLACE)
)
_METADATA = select(threads.c.metadata).where(_ITS_THREAD)
_BEGIN_ROW = insert(threads)
_BEGIN = _BEGIN_ROW.on_conflict_do_update(
    index_elements=[threads.c.thread_id],
    set_={
        "metadata": _BEGIN_ROW.excluded.metadata,
        "assistant_id": _BEGIN_ROW.excluded.assistant_id,
        "begun": _BEGIN_ROW.excluded.begun,
    },
)
_FOLLOW = update(threads).where(_ITS_THREAD).values(status=bindparam("new_status"), updated_at=bindparam("moment"))
_SUBMITTED = (OF_THREAD, runs.c.submitted)
_IN_FLIGHT = select(runs.c.status).where(*_SUBMITTED, runs.c.ended_at.is_(None))
# A run that was cancelled in line has done nothing to its thread, and what one did that was rolled back is undone.
_UNDONE = runs.c.status == RunStatus.ROLLED_BACK.value
_WORKED = select(runs.c.status).where(*_SUBMITTED, runs.c.started_at.is_not(None), ~_UNDONE)
_DROP_ANSWERS = delete(state_updates).where(
    state_updates.c.update_id >= bindparam("first"), state_updates.c.update_id < bindparam("last")
)
_LAST_AT_WORK = _WORKED.order_by(runs.c.position.desc()).limit(1)


def claim(connection: Connection, run: RunRecord) -> None:
    """A draft was written: its user is the owner of the thread, if that is new. Raises `ThreadTakenError`."""
    lock_thread(connection, run.thread_id)
    owner = connection.execute(_CLAIM, _claimed(run.thread_id, run.user_id, run.created_at)).scalar_one()
    if run.user_id not in (None, owner):
        raise ThreadTakenError(run.thread_id)


def release(connection: Connection, thread_id: str, place: int | None = None) -> None:
    """A run of the thread was removed: one that was only claimed, and has no other, is there no more."""
    lock_thread(connection, thread_id)
    connection.execute(_RELEASE, {"of_thread": thread_id})
    if place is not None:
        connection.execute(_KEEP_PLACE, {"of_thread": thread_id, "place": place})


def _claimed(thread_id: str, user_id: str | None, moment: datetime) -> dict[str, Any]:
    return {
        "thread_id": thread_id,
        "status": ThreadStatus.IDLE.value,
        "metadata": {},
        "user_id": user_id,
        "created_at": moment,
        "updated_at": moment,
        "begun": False,
    }


def begin(connection: Connection, run: RunRecord) -> None:
    """A run was submitted to its thread, which there is from now on. What it says of the thread comes over older."""
    lock_thread(connection, run.thread_id)
    known: dict[str, Any] = connection.execute(_METADATA, {"of_thread": run.thread_id}).scalar_one_or_none() or {}
    said = run.metadata if run.thread_metadata is None else run.thread_metadata
    told = {"metadata": {**known, **said}, "assistant_id": run.assistant_id, "begun": True}
    connection.execute(_BEGIN, {**_claimed(run.thread_id, run.user_id, run.created_at), **told})
    _follow(connection, run)


def follow(connection: Connection, run: RunRecord) -> None:
    """This run of the thread has moved."""
    lock_thread(connection, run.thread_id)
    _follow(connection, run)


def _follow(connection: Connection, run: RunRecord) -> None:
    thread_id = run.thread_id
    at_work = run.status.value in _AT_WORK
    status = ThreadStatus.RUNNING if at_work else _status(connection, thread_id)
    lifecycle.tell_of_thread(connection, run.run_id, thread_id, status)
    connection.execute(_FOLLOW, {"of_thread": thread_id, "new_status": status.value, "moment": datetime.now(UTC)})


def _status(connection: Connection, thread_id: str) -> ThreadStatus:
    statuses = set(connection.execute(_IN_FLIGHT, {"of_thread": thread_id}).scalars())
    if statuses.intersection(_AT_WORK):
        return ThreadStatus.RUNNING
    if statuses:
        return ThreadStatus.AWAITING_INPUT
    last = connection.execute(_LAST_AT_WORK, {"of_thread": thread_id}).scalar_one_or_none()
    return _LEFT_AS.get(last or "", ThreadStatus.IDLE)


def name(connection: Connection, record: RunRecord) -> None:
    """The run's title is its thread's."""
    titled = update(threads).where(threads.c.thread_id == record.thread_id)
    connection.execute(titled.values(title=record.title))


class SqlThreads(ThreadSearch):
    """A `ThreadStore` in a SQL database. Every call raises `UnavailableError`, and may be repeated."""

    async def get(self, thread_id: str) -> ThreadRecord | None:
        """The thread, or `None`."""
        row = await self._database.find(_RECORD, of_thread=thread_id)
        return None if row is None else _to_record(row)

    async def list(
        self,
        *,
        status: ThreadStatus | None = None,
        metadata: Mapping[str, str | int | float | bool] | None = None,
        user_id: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> builtins.list[ThreadRecord]:
        """The threads, the last created first, that have all of this. Raises `ThreadNotFoundError` for `before`."""
        dialect = self._database.dialect
        had = (has_metadata(dialect, (key,), value) for key, value in (metadata or {}).items())
        wanted = [threads.c.begun, *had]
        if status is not None:
            wanted.append(threads.c.status == status.value)
        if user_id is not None:
            wanted.append(threads.c.user_id == user_id)
        if before is not None:
            wanted.append(threads.c.position < await self._position(before, user_id))
        page = select(*_COLUMNS).where(*wanted).order_by(threads.c.position.desc()).limit(limit)
        return [_to_record(row) for row in await self._database.fetch(page)]

    async def unused(
        self, before: datetime, *, after: ThreadRecord | None = None, limit: int = 100
    ) -> builtins.list[ThreadRecord]:
        """Threads without a run in flight whose runs have not moved since then."""
        old = select(*_COLUMNS).where(threads.c.begun, threads.c.updated_at < before)
        page = old.where(~_HAS_RUNS.where(runs.c.ended_at.is_(None)).exists())
        if after is not None:
            page = page.where(threads.c.thread_id > after.thread_id)
        found = await self._database.fetch(page.order_by(threads.c.thread_id).limit(limit))
        return [_to_record(row) for row in found]

    async def _position(self, thread_id: str, user_id: str | None) -> int:
        its = select(threads.c.position).where(_ITS_THREAD, threads.c.begun)
        wanted = its if user_id is None else its.where(threads.c.user_id == user_id)
        rows = await self._database.fetch(wanted, of_thread=thread_id)
        if not rows:
            raise ThreadNotFoundError(thread_id)
        return int(rows[0]["position"])

    async def delete(self, thread_id: str) -> bool:
        """Remove the thread's record, unless a run was submitted to it meanwhile; whether there was one.

        A draft keeps its thread for its user.
        """
        return await self._database.write(lambda connection: _delete(connection, thread_id))

    async def put_update(self, update_id: str, change: StateUpdate) -> None:
        """Keep the values of a state update, until it is applied."""
        row = {"update_id": update_id, "created_at": datetime.now(UTC), "payload": change.payload, "kind": change.kind}

        def work(connection: Connection) -> None:
            connection.execute(insert(state_updates).values(row).on_conflict_do_nothing())

        await self._database.write(work)

    async def get_update(self, update_id: str) -> StateUpdate:
        """What was kept. Raises `RunNotFoundError`."""
        query = select(state_updates.c.kind, state_updates.c.payload).where(state_updates.c.update_id == update_id)
        rows = await self._database.fetch(query)
        if not rows:
            raise RunNotFoundError(update_id)
        return StateUpdate(rows[0]["kind"], rows[0]["payload"])

    async def drop_update(self, update_id: str) -> None:
        """The update was applied, or refused."""

        def work(connection: Connection) -> None:
            connection.execute(delete(state_updates).where(state_updates.c.update_id == update_id))

        await self._database.write(work)

    async def put_answer(self, read_id: str, answer: bytes) -> None:
        """Keep what a worker has read of a state, until the client that has asked takes it."""
        await self.put_update(_ANSWER + read_id, StateUpdate("json", answer))

    async def take_answer(self, read_id: str) -> bytes | None:
        """What was read, once; `None` when there is nothing (any more)."""
        taken = delete(state_updates).where(state_updates.c.update_id == _ANSWER + read_id)

        def work(connection: Connection) -> bytes | None:
            return connection.execute(taken.returning(state_updates.c.payload)).scalar_one_or_none()

        return await self._database.write(work)

    async def drop_left(self, before: datetime) -> int:
        """Remove what was put earlier than that and nobody came for; how many there were."""
        # A question may be open for days, and a name that begins with a run's id is kept until the run has ended.
        its_run = runs.c.run_id == self._database.dialect.first_part(state_updates.c.update_id)
        of_open_run = select(runs.c.run_id).where(its_run, runs.c.ended_at.is_(None)).exists()
        left = delete(state_updates).where(state_updates.c.created_at < before, ~of_open_run)
        return await self._database.write(lambda connection: connection.execute(left).rowcount)


def _delete(connection: Connection, thread_id: str) -> bool:
    lock_thread(connection, thread_id)
    gone = connection.execute(_DELETE, {"of_thread": thread_id}).first()
    if gone is None:
        return False
    connection.execute(_CLAIM, _claimed(thread_id, gone.user_id, datetime.now(UTC)))
    release(connection, thread_id)
    return True


def drop_answers(connection: Connection, run_id: str) -> None:
    """A run has ended: what is kept of its questions and answers, under names that begin with its id, goes."""
    connection.execute(_DROP_ANSWERS, {"first": f"{run_id}/", "last": f"{run_id}0"})  # the sign that follows the slash


def _to_record(row: RowMapping) -> ThreadRecord:
    return ThreadRecord.model_validate(dict(row))
