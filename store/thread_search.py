"""Threads without runs, how threads were left, and finding them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, func, select, true, update

from ..contracts.errors import InvalidRunError, ThreadNotFoundError, ThreadTakenError
from ..contracts.threads import STATELESS, ThreadDetails, ThreadPage, ThreadRecord
from .database import FEW, Database
from .locks import lock_thread
from .schema import thread_states, threads
from .sealing import Json
from .thread_contract import ThreadLeft
from .thread_filter import ThreadFilter, ThreadSort, leaves
from .thread_matching import has_metadata, matching
from .upsert import insert

_OF_RECORD = tuple(threads.c[name] for name in ThreadRecord.model_fields)
_LEFT = (thread_states.c.state_updated_at, thread_states.c.error, thread_states.c.interrupts)
_BOTH = threads.outerjoin(thread_states, thread_states.c.thread_id == threads.c.thread_id)
_ITS_THREAD = threads.c.thread_id == bindparam("of_thread")
_THERE = (_ITS_THREAD, threads.c.begun)
_DETAILS = select(*_OF_RECORD, *_LEFT, thread_states.c["values"]).select_from(_BOTH).where(*_THERE)
_FOUND = select(*_OF_RECORD, threads.c.begun).where(_ITS_THREAD)
_EXISTS = select(threads.c.position).where(_ITS_THREAD)
_METADATA = update(threads).where(_ITS_THREAD).values(metadata=bindparam("merged", type_=threads.c.metadata.type))
_STATUS = update(threads).where(_ITS_THREAD).values(status=bindparam("new_status"))
_NEW_STATE = insert(thread_states)
_LEAVE = _NEW_STATE.on_conflict_do_update(
    index_elements=[thread_states.c.thread_id],
    set_={name: _NEW_STATE.excluded[name] for name in ("state_updated_at", "error", "interrupts")},
)
_LEAVE_VALUES = _NEW_STATE.on_conflict_do_update(
    index_elements=[thread_states.c.thread_id],
    set_={name: _NEW_STATE.excluded[name] for name in ("state_updated_at", "error", "interrupts", "values")},
)


def leave(connection: Connection, thread_id: str, left: ThreadLeft) -> None:
    """Note how a thread was left, if there is one. In the transaction of what has left it so."""
    of_thread = {"of_thread": thread_id}
    if connection.execute(_EXISTS, of_thread).first() is None:
        return
    row = {
        "thread_id": thread_id,
        "state_updated_at": datetime.now(UTC),
        "error": left.error,
        "interrupts": [*left.interrupts],
        "values": None if left.values is None else Json(left.values),
    }
    connection.execute(_LEAVE if left.values is None else _LEAVE_VALUES, row)
    if left.status is not None:
        connection.execute(_STATUS, {**of_thread, "new_status": left.status.value})


class ThreadSearch:
    """The part of a `ThreadStore` that needs no run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, thread: ThreadRecord) -> tuple[ThreadRecord, bool]:
        """Write the record of a thread without runs; or what is there already, and `False`."""
        return await self._database.write(lambda connection: _create(connection, thread))

    async def add_metadata(self, thread_id: str, metadata: Mapping[str, Any]) -> ThreadRecord:
        """Merge it into the thread's, at its top. Raises `ThreadNotFoundError`."""
        return await self._database.write(lambda connection: _add_metadata(connection, thread_id, metadata))

    async def details(self, thread_id: str) -> ThreadDetails | None:
        """The record, and how the thread was left."""
        row = await self._database.find(_DETAILS, of_thread=thread_id)
        return None if row is None else _to_details(row)

    async def search(
        self, which: ThreadFilter, sort: ThreadSort, *, limit: int, offset: int, values: bool = True
    ) -> ThreadPage:
        """So many of the threads, and how many there are."""
        columns = (*_OF_RECORD, *_LEFT, *([thread_states.c["values"]] if values else []))
        wanted = self._conditions(which)
        page = select(*columns).select_from(_BOTH).where(*wanted).order_by(*_order(sort)).limit(limit).offset(offset)
        counted = _counted(wanted, joined=bool(which.values))

        def work(connection: Connection) -> ThreadPage:
            found = tuple(map(_to_details, connection.execute(page).mappings()))
            last = offset + len(found)
            # A page that is not full is the last one, and says how many there are.
            total = last if len(found) < limit and (found or not offset) else connection.scalar(counted) or 0
            return ThreadPage(threads=found, total=total)

        return await self._database.read_at_once(work, quick=limit <= FEW)

    async def count(self, which: ThreadFilter) -> int:
        """How many there are."""
        query = _counted(self._conditions(which), joined=bool(which.values))
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

    async def leave(self, thread_id: str, left: ThreadLeft) -> None:
        """Its state was changed from outside."""

        def work(connection: Connection) -> None:
            lock_thread(connection, thread_id)
            leave(connection, thread_id, left)

        await self._database.write(work)

    def _conditions(self, which: ThreadFilter) -> list[ColumnElement[bool]]:
        wanted: list[ColumnElement[bool]] = [threads.c.begun]
        if which.ids is not None:
            wanted.append(threads.c.thread_id.in_([*which.ids]))
        if which.statuses:
            wanted.append(threads.c.status.in_([status.value for status in which.statuses]))
        if which.user_id is not None:
            wanted.append(threads.c.user_id == which.user_id)
        if not which.stateless:
            wanted.append(~threads.c.thread_id.startswith(STATELESS, autoescape=True))
        if which.values and self._database.is_sealed:
            raise InvalidRunError(
                "values: states are encrypted here, and nothing can be found by them; search by metadata",
                field="values",
            )
        dialect = self._database.dialect
        wanted += [has_metadata(dialect, path, value) for path, value in leaves(which.metadata)]
        if which.matching is not None:
            wanted.append(matching(dialect, which.matching))
        wanted += [dialect.has(thread_states.c["values"], path, value) for path, value in leaves(which.values)]
        return wanted


def _counted(wanted: list[ColumnElement[bool]], *, joined: bool) -> Any:
    return select(func.count()).select_from(_BOTH if joined else threads).where(true(), *wanted)


def _order(sort: ThreadSort) -> Iterator[ColumnElement[Any]]:
    # The order of creation is that of the positions, which the table has for nothing.
    table = thread_states if sort.by == "state_updated_at" else threads
    columns = [threads.c.position] if sort.by == "created_at" else [table.c[sort.by], threads.c.position]
    yield from (column.desc() if sort.descending else column.asc() for column in columns)


def _create(connection: Connection, thread: ThreadRecord) -> tuple[ThreadRecord, bool]:
    lock_thread(connection, thread.thread_id)
    of_thread = {"of_thread": thread.thread_id}
    row = {**thread.model_dump(), "status": thread.status.value, "begun": True}
    there = connection.execute(_FOUND, of_thread).mappings().one_or_none()
    if there is None:
        connection.execute(insert(threads), row)
        return thread, True
    if thread.user_id not in (None, there["user_id"]):
        raise ThreadTakenError(thread.thread_id)
    if there["begun"]:
        return _to_record(there), False
    claimed = {name: row[name] for name in ("metadata", "assistant_id", "created_at", "updated_at", "begun")}
    connection.execute(update(threads).where(_ITS_THREAD).values(claimed), of_thread)
    return thread.model_copy(update={"user_id": there["user_id"]}), True


def _add_metadata(connection: Connection, thread_id: str, metadata: Mapping[str, Any]) -> ThreadRecord:
    lock_thread(connection, thread_id)
    of_thread = {"of_thread": thread_id}
    there = connection.execute(_FOUND.where(threads.c.begun), of_thread).mappings().one_or_none()
    if there is None:
        raise ThreadNotFoundError(thread_id)
    before = _to_record(there)
    merged = {**before.metadata, **metadata}
    moment = datetime.now(UTC)
    connection.execute(_METADATA.values(updated_at=moment), {**of_thread, "merged": merged})
    return before.model_copy(update={"metadata": merged, "updated_at": moment})


def _to_record(row: RowMapping) -> ThreadRecord:
    return ThreadRecord.model_validate({name: row[name] for name in ThreadRecord.model_fields})


def _to_details(row: RowMapping) -> ThreadDetails:
    return ThreadDetails.model_validate({**row, "interrupts": row["interrupts"] or ()})
