"""What happened inside of runs: written behind the fence, replaced when its task runs again, and read in pages.

An event is open until its task is saved; then it is sealed. What the graph does not run again is sealed, and what it
runs again is either open or begins anew, so each task's events are there once. An event that goes leaves its place,
void, to the one that comes instead: a task that runs again does not move behind what has happened inside of it.
"""

from __future__ import annotations

import builtins
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, func, select, update

from ..contracts.chunking import digest_of
from ..contracts.errors import FencedError, RunNotFoundError
from ..contracts.events import TITLE_EVENTS, RunEvent
from ..contracts.serialization.content import title_in_event
from ..contracts.serialization.serializer import to_json
from ..contracts.types import RunRecord, RunStatus
from . import aging, contents
from .database import Database
from .event_contract import EventBatch, EventFilter, NewRunEvent
from .lifecycle import Told
from .locks import lock_thread
from .rows import OF_RUN
from .schema import run_events, runs
from .upsert import insert

_BY_THE_STORE = "|"
"""Seals events of the store itself. No path of a task is like it."""
_UNTOLD = ("run_attempt_started",)
"""Each event has the number of its attempt, and a run that was cut off leaves the same events as one that was not."""
_EVENTS = run_events.c
_CONTENT = (_EVENTS.run_id, _EVENTS.content, _EVENTS.chunks)
"""What `contents.load` needs of a row."""
_COLUMNS = (*(_EVENTS[name] for name in RunEvent.model_fields), _EVENTS.chunks)

_THIS_RUN = _EVENTS.run_id == bindparam("of_run")
_RUN = select(runs.c.thread_id, runs.c.status, runs.c.fence).where(OF_RUN).with_for_update()
_SUPERSEDE = (
    update(run_events)
    .where(_THIS_RUN, _EVENTS.fence < bindparam("before"), _EVENTS.void.is_(False))
    .values(void=True, sealed=None, content=None, chunks=None, digest=None, metadata={})
)
_SUPERSEDE_OPEN = _SUPERSEDE.where(_EVENTS.sealed.is_(None))
_CUSTOM = (
    select(_EVENTS.metadata, *_CONTENT)
    .where(_THIS_RUN, _EVENTS.event_type == "custom_event", _EVENTS.void.is_(False))
    .order_by(_EVENTS.seq.desc())
)
_VOID = (_THIS_RUN, _EVENTS.sealed.is_(None), _EVENTS.void)
_LEFT = select(_EVENTS.task_id, _EVENTS.seq).where(*_VOID)
_SETTLE = delete(run_events).where(*_VOID)
_NEWEST = select(func.coalesce(func.max(_EVENTS.seq), 0)).where(_EVENTS.thread_id == bindparam("of_thread"))
_WRITTEN = select(func.max(_EVENTS.number)).where(_THIS_RUN, _EVENTS.fence == bindparam("by"))
_INSERT = insert(run_events)


def supersede(connection: Connection, run_id: str, *, fence: int, begun: Sequence[str] = ()) -> None:
    """Take out what was left open by writers before `fence`, and what tasks that have begun again had sealed."""
    older = {"of_run": run_id, "before": fence}
    connection.execute(_SUPERSEDE_OPEN, older)
    if begun:
        connection.execute(_SUPERSEDE.where(_EVENTS.sealed.in_(begun)), older)


def tell(connection: Connection, record: RunRecord, told: Iterable[Told], *, fence: int, capture: bool) -> None:
    """Write what happened to the run as a whole, in the transaction of it. `capture`: also what a human has said."""
    now = datetime.now(UTC)
    events: list[dict[str, Any]] = [
        {
            "event_type": kind,
            "category": "message" if kind == "human_message" else "lifecycle",
            **_told(connection, record.run_id, kind, payload, capture=capture),
            "metadata": {},
            "created_at": now,
            "number": None,
            "task_id": None,
            "sealed": _BY_THE_STORE,
        }
        for kind, payload in told
        if kind not in _UNTOLD
    ]
    _insert(connection, record.run_id, record.thread_id, events, fence=fence, attempt=record.attempt)


def _told(
    connection: Connection, run_id: str, kind: str, payload: Mapping[str, Any], *, capture: bool
) -> dict[str, Any]:
    is_message = kind == "human_message"
    content = to_json(payload["content"] if is_message else _but_attempt(payload))
    kept = content if capture or not is_message else None
    return {**contents.columns(connection, run_id, kept), "digest": digest_of(content) if is_message else None}


def _but_attempt(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != "attempt"}


def title(connection: Connection, run_id: str) -> str | None:
    """The title that the run's events give it."""
    for row in connection.execute(_CUSTOM, {"of_run": run_id}).mappings():
        if row["metadata"].get("name") in TITLE_EVENTS:
            (content,) = contents.load(connection, [row])
            if text := title_in_event(content):
                return text
    return None


def settle(connection: Connection, run_id: str) -> None:
    """The run has ended, so nothing comes in the place of what has gone."""
    connection.execute(_SETTLE, {"of_run": run_id})


class SqlRunEvents:
    """A `RunEventStore` in a SQL database. Every call raises `UnavailableError`, and may be repeated."""

    def __init__(self, database: Database, *, capture: bool = True) -> None:
        """`capture`: keep contents, and not only that something happened."""
        self._database = database
        self._capture = capture

    async def write(self, run_id: str, batch: EventBatch, *, fence: int, attempt: int) -> None:
        """Write a batch. Raises `RunNotFoundError`, or `FencedError` when the run has seen a larger fence."""

        def work(connection: Connection) -> None:
            thread_id = _pass_fence(connection, run_id, fence)
            if thread_id is None:
                return
            supersede(connection, run_id, fence=fence, begun=batch.begun)
            new = _unwritten(connection, run_id, batch.events, fence)
            events = [_row(connection, run_id, event, capture=self._capture) for event in new]
            _insert(connection, run_id, thread_id, events, fence=fence, attempt=attempt)
            _seal(connection, run_id, batch, fence)

        await self._database.write(work)

    async def list(
        self,
        which: EventFilter,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> builtins.list[RunEvent]:
        """A page of events. Raises `ValueError` for a negative limit."""
        if limit < 0:
            raise ValueError(f"limit is {limit}: it must be 0 or more")
        wanted = [_EVENTS.void.is_(False), *_wanted(which)]
        if after is not None:
            wanted.append(_EVENTS.seq > after)
        if before is not None:
            wanted.append(_EVENTS.seq < before)
        order = (_EVENTS.seq.desc(), _EVENTS.position.desc()) if newest_first else (_EVENTS.seq, _EVENTS.position)
        page = select(*_COLUMNS).where(*wanted).order_by(*order).limit(limit)

        def work(connection: Connection) -> builtins.list[RunEvent]:
            rows = connection.execute(page).mappings().all()
            found = zip(rows, contents.load(connection, rows), strict=True)
            return [_event(row, content) for row, content in found]

        return await self._database.read_at_once(work)

    async def drop(self, run_id: str, *, limit: int = 500) -> int:
        """Remove events of a run that has ended, some at a time; how many went."""
        return await self._database.write(lambda connection: aging.drop_events(connection, run_id, limit))


def _event(row: RowMapping, content: Any) -> RunEvent:
    return RunEvent.model_validate({**{name: row[name] for name in RunEvent.model_fields}, "content": content})


def _wanted(which: EventFilter) -> Iterable[ColumnElement[bool]]:
    if which.run_id is not None:
        yield _EVENTS.run_id == which.run_id
    if which.thread_id is not None:
        yield _EVENTS.thread_id == which.thread_id
    if which.user_id is not None:
        yield _EVENTS.run_id.in_(select(runs.c.run_id).where(runs.c.user_id == which.user_id))
    if which.categories:
        yield _EVENTS.category.in_(which.categories)
    if which.types:
        yield _EVENTS.event_type.in_(which.types)


def _pass_fence(connection: Connection, run_id: str, fence: int) -> str | None:
    """The run's thread; `None` for a run that has ended."""
    run = connection.execute(_RUN, {"of_run": run_id}).mappings().one_or_none()
    if run is None:
        raise RunNotFoundError(run_id)
    if run["fence"] > fence:
        raise FencedError(run_id, fence, run["fence"])
    if RunStatus(run["status"]).terminal:
        return None
    if run["fence"] < fence:
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(fence=fence))
    return str(run["thread_id"])


def _unwritten(connection: Connection, run_id: str, events: Sequence[NewRunEvent], fence: int) -> Sequence[NewRunEvent]:
    if not events:
        return events
    written = connection.execute(_WRITTEN, {"of_run": run_id, "by": fence}).scalar_one() or 0
    new = [event for event in events if event.number > written]
    return _unsaid(connection, run_id, new) if any(event.if_new for event in new) else new


def _unsaid(connection: Connection, run_id: str, events: Sequence[NewRunEvent]) -> Sequence[NewRunEvent]:
    """Without those that are only wanted if they are new."""
    types = {event.event_type for event in events if event.if_new}
    said = _said(connection, run_id, types)
    kept: list[NewRunEvent] = []
    for event in events:
        key = (event.event_type, digest_of(event.content or b"null"))
        if not event.if_new or key not in said:
            kept.append(event)
            said.add(key)
    return kept


def _said(connection: Connection, run_id: str, types: Collection[str]) -> set[tuple[str, bytes]]:
    """Types and digests of what the run has. An event of before there were digests has its content."""
    query = select(_EVENTS.event_type, _EVENTS.digest, *_CONTENT)
    query = query.where(_EVENTS.run_id == run_id, _EVENTS.event_type.in_(types), _EVENTS.void.is_(False))
    rows = connection.execute(query).mappings().all()
    older = [row for row in rows if row["digest"] is None]
    digests = [digest_of(to_json(content)) for content in contents.load(connection, older)]
    return {
        *((row["event_type"], row["digest"]) for row in rows if row["digest"] is not None),
        *((row["event_type"], digest) for row, digest in zip(older, digests, strict=True)),
    }


def _row(connection: Connection, run_id: str, event: NewRunEvent, *, capture: bool) -> dict[str, Any]:
    # A title is a part of the record, like a name.
    kept = event.content if capture or event.metadata.get("name") in TITLE_EVENTS else None
    return {
        "event_type": event.event_type,
        "category": event.category,
        **contents.columns(connection, run_id, kept),
        "digest": digest_of(event.content or b"null") if event.if_new else None,
        "metadata": event.metadata,
        "created_at": event.created_at,
        "number": event.number,
        "task_id": event.task,
        "sealed": None,
    }


def _insert(
    connection: Connection,
    run_id: str,
    thread_id: str,
    events: Sequence[dict[str, Any]],
    *,
    fence: int,
    attempt: int,
) -> None:
    if not events:
        return
    places = _places(connection, run_id, {event["task_id"] for event in events if event["task_id"]})
    lock_thread(connection, thread_id)
    last: int = connection.execute(_NEWEST, {"of_thread": thread_id}).scalar_one()
    known = {"run_id": run_id, "thread_id": thread_id, "fence": fence, "attempt": attempt, "void": False}
    rows: list[dict[str, Any]] = []
    taken: list[int] = []
    for event in events:
        if free := places[event["task_id"]]:
            taken.append(seq := free.popleft())
        else:
            last = seq = last + 1
        rows.append({**event, **known, "seq": seq})
    if taken:
        connection.execute(_SETTLE.where(_EVENTS.seq.in_(taken)), {"of_run": run_id})
    connection.execute(_INSERT, rows)


def _places(connection: Connection, run_id: str, tasks: set[str]) -> dict[str, deque[int]]:
    """Places that were left by the tasks, in order."""
    found: dict[str, deque[int]] = defaultdict(deque)
    if tasks:
        query = _LEFT.where(_EVENTS.task_id.in_(tasks)).order_by(_EVENTS.seq)
        for row in connection.execute(query, {"of_run": run_id}).mappings():
            found[row["task_id"]].append(row["seq"])
    return found


def _seal(connection: Connection, run_id: str, batch: EventBatch, fence: int) -> None:
    if not batch.sealed:
        return
    for seal in set(batch.sealed.values()):
        tasks = [task for task, by in batch.sealed.items() if by == seal]
        own = (_EVENTS.run_id == run_id, _EVENTS.fence == fence, _EVENTS.sealed.is_(None), _EVENTS.task_id.in_(tasks))
        connection.execute(update(run_events).where(*own).values(sealed=seal))
    connection.execute(_SETTLE.where(_EVENTS.task_id.in_(batch.sealed)), {"of_run": run_id})
