"""What happened to runs as a whole: written in the transaction of the change itself, read by those who tell observers.

An event stands for a change of the record. A repeated activity changes nothing any more, so it tells nothing again.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Text, bindparam, func, literal, select

from ..contracts.lifecycle import Delivery, LifecycleType, RunLifecycleEvent, ending_of
from ..contracts.threads import ThreadStatus
from ..contracts.types import RunInterrupt, RunRecord, RunStatus
from .contract import Undelivered
from .database import Database
from .schema import UtcDateTime, deliveries, lifecycle_events, runs, threads
from .sealing import SealedJson, SealedText
from .upsert import insert

Told = tuple[LifecycleType, dict[str, Any]]

_PAGE = 100
_EVENTS = lifecycle_events.c

_LAST = select(func.coalesce(func.max(_EVENTS.sequence), 0)).where(_EVENTS.run_id == bindparam("of_run"))
_ROW = select(
    bindparam("of_run", type_=Text),
    _LAST.scalar_subquery() + 1,
    bindparam("kind", type_=Text),
    bindparam("moment", type_=UtcDateTime),
    bindparam("details", type_=SealedJson),
)
_MOVES = select(threads.c.position).where(
    threads.c.thread_id == bindparam("of_thread"), threads.c.status != bindparam("new_status")
)
_COLUMNS = ("run_id", "sequence", "event_type", "occurred_at", "payload")
_APPEND = insert(lifecycle_events).from_select(_COLUMNS, _ROW)
_APPEND_IF_NEW = insert(lifecycle_events).from_select(_COLUMNS, _ROW.where(_MOVES.exists()))


def changes(
    before: RunRecord,
    after: RunRecord,
    *,
    human_message: object = None,
    interrupts: Sequence[RunInterrupt] = (),
    attempt: Mapping[str, object] | None = None,
) -> Iterator[Told]:
    """The events of one change of a record, in order. `attempt`: what is told of one that begins."""
    questions = {"interrupts": [interrupt.model_dump() for interrupt in interrupts]}
    if before.started_at is None and after.started_at is not None:
        yield "run_started", {"assistant_id": after.assistant_id, "metadata": after.metadata, "user_id": after.user_id}
        if human_message is not None:
            yield "human_message", {"content": human_message}
    if after.status is RunStatus.RUNNING and before.status is RunStatus.AWAITING_INPUT:
        yield "run_resumed", {}
    if after.attempt > before.attempt:
        troubled = {} if before.trouble is None else {"after": before.trouble.model_dump(include={"type", "message"})}
        yield "run_attempt_started", {"attempt": after.attempt, **troubled, **(attempt or {})}
    if after.status is RunStatus.AWAITING_INPUT and before.status is not RunStatus.AWAITING_INPUT:
        yield "run_awaiting_input", {"steps": after.steps, **questions}
    if after.status.terminal:
        yield ending_of(after), {**_end(after), **questions}


def _end(record: RunRecord) -> dict[str, Any]:
    error = None if record.error is None else record.error.model_dump(exclude={"traceback"})
    told = ("status", "steps", "attempt", "cancel_action", "usage", "title")
    return {**{name: getattr(record, name) for name in told}, "error": error}


def append(connection: Connection, run_id: str, told: Sequence[Told]) -> None:
    """Write events of a run, in the transaction of what they tell of."""
    if told:
        connection.execute(_APPEND, [_row(run_id, one) for one in told])


def tell_of_thread(connection: Connection, run_id: str, thread_id: str, status: ThreadStatus) -> None:
    """The thread is about to get this status by what its run does. One that it has is not told again."""
    told = _row(run_id, ("thread_status_updated", {"status": status}))
    connection.execute(_APPEND_IF_NEW, {**told, "of_thread": thread_id, "new_status": status.value})


def _row(run_id: str, told: Told) -> dict[str, object]:
    kind, payload = told
    return {"of_run": run_id, "kind": kind, "moment": datetime.now(UTC), "details": payload}


class SqlLifecycle:
    """A `LifecycleStore` in a SQL database. Every call raises `UnavailableError`, and may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def undelivered(self, run_id: str, observer: str) -> Undelivered:
        """The next events for an observer, some at a time; none for a run that there is not (any more)."""
        done = select(deliveries.c.delivered).where(deliveries.c.run_id == run_id, deliveries.c.observer == observer)
        events = select(lifecycle_events, runs.c.thread_id, runs.c.user_id).join(runs)
        events = events.where(
            _EVENTS.run_id == run_id,
            _EVENTS.sequence > func.coalesce(done.scalar_subquery(), 0),
        )
        rows = await self._database.fetch(events.order_by(_EVENTS.sequence).limit(_PAGE))
        return Undelivered(tuple(map(to_event, rows)), rows[0]["user_id"] if rows else None)

    async def mark_delivered(
        self, run_id: str, observer: str, sequence: int, *, after: int, failure: str | None = None
    ) -> bool:
        """The events up to `sequence` are done with. False, and nothing is changed, unless it stood at `after`."""
        values = (runs.c.run_id, literal(observer), literal(sequence), literal(failure, SealedText))
        new = insert(deliveries).from_select(
            ["run_id", "observer", "delivered", "failure"], select(*values).where(runs.c.run_id == run_id)
        )
        mark = new.on_conflict_do_update(
            index_elements=[deliveries.c.run_id, deliveries.c.observer],
            set_={
                "delivered": new.excluded.delivered,
                "failure": func.coalesce(new.excluded.failure, deliveries.c.failure),
            },
            where=deliveries.c.delivered == after,
        ).returning(deliveries.c.delivered)

        def work(connection: Connection) -> bool:
            return connection.execute(mark).first() is not None

        return await self._database.write(work, quick=True)

    async def deliveries(self, run_id: str) -> builtins.list[Delivery]:
        """How far each observer has been told of a run, in the order of their names."""
        told = select(deliveries.c.observer, deliveries.c.delivered, deliveries.c.failure)
        rows = await self._database.fetch(told.where(deliveries.c.run_id == run_id).order_by(deliveries.c.observer))
        return [Delivery.model_validate(dict(row)) for row in rows]


def to_event(row: RowMapping) -> RunLifecycleEvent:
    """Of a row that has also the `thread_id` of its run."""
    return RunLifecycleEvent(
        event_id=f"{row['run_id']}:{row['sequence']}",
        event_type=row["event_type"],
        run_id=row["run_id"],
        thread_id=row["thread_id"],
        sequence=row["sequence"],
        occurred_at=row["occurred_at"],
        payload=row["payload"],
    )
