"""What is told of runs to who looks at them: turns and events without contents, questions, lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, Text, and_, bindparam, func, or_, select, type_coerce

from ..contracts.lifecycle import RunLifecycleEvent
from ..contracts.stories import Arrival, OutlinedEvent, Outlook, Spent
from ..contracts.types import RunInterrupt
from .database import Database
from .lifecycle import to_event
from .schema import lifecycle_events, run_events, runs

CALLS = ("llm_request", "llm_response", "llm_error", "tool_start", "tool_end", "tool_error")
_FAILED = "node_error"
_MARKS = ("custom_event", "summarization", _FAILED)
_NEWEST = 20
"""Events of calls that say which of them are open: as many run side by side, at most, in the sentence of a list."""
_EVENTS = run_events.c
_OUTLINED = ("position", "seq", "event_type", "attempt", "created_at", "metadata", "task_id")
_TOLD = select(*(_EVENTS[name] for name in _OUTLINED)).where(_EVENTS.void.is_(False))
_OF_RUN = _EVENTS.run_id == bindparam("of_run")
# A node that has failed is at work still until its task is sealed.
_OPEN = or_(_EVENTS.event_type.in_(CALLS), and_(_EVENTS.event_type == _FAILED, _EVENTS.sealed.is_(None)))
_CALLED = _TOLD.where(_OF_RUN, _OPEN).order_by(_EVENTS.seq.desc()).limit(_NEWEST)
_ANSWERED = select(_EVENTS.position, _EVENTS.metadata).where(
    _OF_RUN, _EVENTS.event_type == "llm_response", _EVENTS.void.is_(False), _EVENTS.position > bindparam("after")
)
_ARRIVED = (
    select(runs.c.run_id, runs.c.thread_id, runs.c.sequence)
    .where(runs.c.submitted)
    .order_by(runs.c.position.desc())
    .limit(bindparam("most"))
)
_QUESTIONS = TypeAdapter(tuple[RunInterrupt, ...])


class SqlStories:
    """A `RunStoryStore` in a SQL database. Every call raises `UnavailableError`, and may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def turns(self, run_id: str) -> Sequence[RunLifecycleEvent]:
        """All of a run, in order."""
        told = select(lifecycle_events, runs.c.thread_id).join(runs)
        told = told.where(lifecycle_events.c.run_id == run_id).order_by(lifecycle_events.c.sequence)
        return [to_event(row) for row in await self._database.fetch(told)]

    async def outline(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[OutlinedEvent]:
        """Those after a position."""
        wanted = (_OF_RUN, _EVENTS.position > after, _EVENTS.event_type.in_((*CALLS, *_MARKS)))
        query = _TOLD.where(*wanted).order_by(_EVENTS.position).limit(limit)
        return [_outlined(row) for row in await self._database.fetch(query, of_run=run_id)]

    async def outlook(self, *, asking: Sequence[str], waiting: Sequence[str], working: Sequence[str]) -> Outlook:
        """In one look."""

        def work(connection: Connection) -> Outlook:
            return Outlook(
                questions=_questions(connection, asking),
                followed=_followed(connection, asking),
                lines=_lines(connection, waiting),
                calls={run_id: _calls(connection, run_id) for run_id in working},
            )

        return await self._database.read_at_once(work)

    async def spent(self, after: Mapping[str, int]) -> Mapping[str, Spent]:
        """By run."""

        def work(connection: Connection) -> dict[str, Spent]:
            return {run_id: _spent(connection, run_id, place) for run_id, place in after.items()}

        return await self._database.read_at_once(work)

    async def spent_in(self, thread_ids: Sequence[str]) -> Mapping[str, int]:
        """By thread."""
        used = func.sum(self._database.dialect.number(type_coerce(runs.c.usage, Text), "total_tokens"))
        query = select(runs.c.thread_id, used.label("tokens")).group_by(runs.c.thread_id)
        rows = await self._database.fetch(query.where(runs.c.thread_id.in_(thread_ids), runs.c.usage.is_not(None)))
        return {row["thread_id"]: int(row["tokens"]) for row in rows if row["tokens"]}

    async def arrivals(self, limit: int, *, user_id: str | None = None) -> Sequence[Arrival]:
        """The newest first."""
        query = _ARRIVED if user_id is None else _ARRIVED.where(runs.c.user_id == user_id)
        return [Arrival(**row) for row in await self._database.fetch(query, most=limit)]


def _spent(connection: Connection, run_id: str, after: int) -> Spent:
    rows = connection.execute(_ANSWERED, {"of_run": run_id, "after": after}).all()
    tokens = sum(about.get("usage", {}).get("total_tokens", 0) for _, about in rows)
    return Spent(tokens=tokens, position=max((position for position, _ in rows), default=after))


def _questions(connection: Connection, run_ids: Sequence[str]) -> dict[str, tuple[RunInterrupt, ...]]:
    if not run_ids:
        return {}
    rows = connection.execute(select(runs.c.run_id, runs.c.interrupts).where(runs.c.run_id.in_(run_ids))).all()
    return {run_id: _QUESTIONS.validate_python(asked or ()) for run_id, asked in rows}


def _followed(connection: Connection, run_ids: Sequence[str]) -> tuple[str, ...]:
    if not run_ids:
        return ()
    later = runs.alias()
    after = select(later.c.position).where(
        later.c.thread_id == runs.c.thread_id, later.c.position > runs.c.position, later.c.submitted
    )
    query = select(runs.c.run_id).where(runs.c.run_id.in_(run_ids), after.exists())
    return tuple(connection.execute(query).scalars())


def _lines(connection: Connection, thread_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    if not thread_ids:
        return {}
    open_ones = (runs.c.thread_id.in_(thread_ids), runs.c.ended_at.is_(None), runs.c.submitted)
    found: dict[str, list[str]] = defaultdict(list)
    query = select(runs.c.thread_id, runs.c.run_id).where(*open_ones).order_by(runs.c.position)
    for thread_id, run_id in connection.execute(query):
        found[thread_id].append(run_id)
    return {thread_id: tuple(line) for thread_id, line in found.items()}


def _calls(connection: Connection, run_id: str) -> tuple[OutlinedEvent, ...]:
    return tuple(map(_outlined, connection.execute(_CALLED, {"of_run": run_id}).mappings()))


def _outlined(row: RowMapping) -> OutlinedEvent:
    # Of the ids in it nobody makes anything; a number counts the calls of subgraphs in one task.
    parts = (row["task_id"] or "").split("|")
    path = tuple(part.rpartition(":")[0] or part for part in parts if part and not part.isdigit())
    return OutlinedEvent(**{name: row[name] for name in _OUTLINED if name != "task_id"}, path=path)
