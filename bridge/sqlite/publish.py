"""Publishing to a SQLite file: those who wait for their turn together cost no more statements than one.

SQLite lets go of the GIL for each statement, and a process whose event loop is busy gives it back late. Tokens of many
runs, each published with statements of its own, would queue up behind that.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar, cast

from ...blocking import transaction
from ...contracts.errors import RunNotFoundError
from ..contract import NewEvent
from ..stream import check_writable, fresh_events

_ROWS = 100  # of one statement

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Publish:
    """The publish of one call, as the work of a `SqliteWriter`. Returns the id of the stream's last event."""

    run_id: str
    events: Sequence[NewEvent]
    fence: int

    def __call__(self, connection: sqlite3.Connection) -> int:
        with transaction(connection):
            return _publish_all(connection, [self])[0]


def together(connection: sqlite3.Connection, works: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
    """The works of a `SqliteWriter`, in their order."""
    results: list[Any] = []
    for publishing, group in groupby(works, lambda work: isinstance(work, Publish)):
        if publishing:
            results += _publish_all(connection, cast("Sequence[Publish]", [*group]))
        else:
            results += [work(connection) for work in group]
    return results


@dataclass(slots=True)
class _Head:
    """Of a stream, as it is after what was looked at so far."""

    stream: int
    last_id: int
    ended: bool
    fence: int


def _publish_all(connection: sqlite3.Connection, publishes: Sequence[Publish]) -> list[int]:
    """The stream's last id after each. Raises `RunNotFoundError`, `FencedError` or `StreamEndedError`."""
    heads = _heads(connection, publishes)
    wanted = [
        (heads[publish.run_id].stream, event.key)
        for publish in publishes
        for event in publish.events
        if event.key is not None
    ]
    known = _known(connection, wanted)
    seen: defaultdict[int, set[str]] = defaultdict(set)
    for stream, key in known:
        seen[stream].add(key)
    last_ids: list[int] = []
    rows: list[tuple[int, int, str, bytes]] = []
    for publish in publishes:
        head = heads[publish.run_id]
        check_writable(publish.run_id, fence=publish.fence, current=head.fence, ended=head.ended)
        fresh = fresh_events(publish.events, seen[head.stream])
        rows += [(head.stream, id, one.event, one.data) for id, one in enumerate(fresh, head.last_id + 1)]
        head.last_id += len(fresh)
        head.fence = publish.fence
        last_ids.append(head.last_id)
    _remember(connection, [pair for pair in dict.fromkeys(wanted) if pair not in known])
    insert(connection, rows)
    _advance(connection, heads.values())
    return last_ids


def _heads(connection: sqlite3.Connection, publishes: Iterable[Publish]) -> dict[str, _Head]:
    run_ids = [*dict.fromkeys(publish.run_id for publish in publishes)]
    heads = dict[str, _Head]()
    for some in _parts(run_ids):
        found = _one(
            connection,
            "SELECT json_group_array(json_array(run_id, stream, last_id, ended, fence)) FROM streams "
            f"WHERE run_id IN ({_places('?', some)})",
            some,
        )
        heads |= {run_id: _Head(stream, last, bool(ended), fence) for run_id, stream, last, ended, fence in found}
    for run_id in run_ids:
        if run_id not in heads:
            raise RunNotFoundError(run_id)
    return heads


def _known(connection: sqlite3.Connection, wanted: Sequence[tuple[int, str]]) -> set[tuple[int, str]]:
    known = set[tuple[int, str]]()
    for some in _parts(wanted):
        found = _one(
            connection,
            # A cross join has SQLite look for each of them. With IN it would go through all keys of the stream.
            "SELECT json_group_array(json_array(keys.stream, keys.key)) "
            f"FROM (VALUES {_places('(?, ?)', some)}) AS wanted CROSS JOIN keys "
            "ON keys.stream = wanted.column1 AND keys.key = wanted.column2",
            _values(some),
        )
        known |= {(stream, key) for stream, key in found}
    return known


def _remember(connection: sqlite3.Connection, keys: Sequence[tuple[int, str]]) -> None:
    for some in _parts(keys):
        connection.execute(f"INSERT INTO keys (stream, key) VALUES {_places('(?, ?)', some)}", _values(some))


def _advance(connection: sqlite3.Connection, heads: Iterable[_Head]) -> None:
    for some in _parts([(head.stream, head.last_id, head.fence) for head in heads]):
        connection.execute(
            "UPDATE streams SET last_id = new.column2, fence = new.column3 "
            f"FROM (VALUES {_places('(?, ?, ?)', some)}) AS new WHERE stream = new.column1",
            _values(some),
        )


def insert(connection: sqlite3.Connection, rows: Sequence[tuple[int, int, str, bytes]]) -> None:
    """Rows of events: stream, id, event, data."""
    for some in _parts(rows):
        places = _places("(?, ?, ?, ?)", some)
        connection.execute(f"INSERT INTO events (stream, id, event, data) VALUES {places}", _values(some))


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))


def _places(place: str, rows: Sequence[object]) -> str:
    return ", ".join([place] * len(rows))


def _values(rows: Iterable[Iterable[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def _one(connection: sqlite3.Connection, query: str, values: Sequence[Any]) -> list[Any]:
    """What it finds, in one row: each would be a statement more."""
    (found,) = connection.execute(query, values).fetchone()
    return json.loads(found)
