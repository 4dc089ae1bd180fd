"""Publishing to a SQLite file: those who wait for their turn together cost no more statements than one.

SQLite lets go of the GIL for each statement, and a process whose event loop is busy gives it back late. Tokens of many
runs, each published with statements of its own, would queue up behind that.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

from ...blocking import transaction
from ...contracts.errors import RunNotFoundError
from ..contract import NewEvent
from ..stream import check_writable, fresh_events

_ROWS = 100  # of one INSERT


@dataclass(frozen=True, slots=True)
class Publish:
    """The publish of one call, as the work of a `SqliteWriter`. Returns the id of the stream's last event."""

    run_id: str
    events: Sequence[NewEvent]
    fence: int

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(len(one.data) for one in self.events)

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
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(run_id, stream, last_id, ended, fence)) FROM streams "
        "WHERE run_id IN (SELECT value FROM json_each(?))",
        (json.dumps(run_ids),),
    ).fetchone()
    heads = {
        run_id: _Head(stream, last, bool(ended), fence) for run_id, stream, last, ended, fence in json.loads(found)
    }
    for run_id in run_ids:
        if run_id not in heads:
            raise RunNotFoundError(run_id)
    return heads


def _known(connection: sqlite3.Connection, wanted: Sequence[tuple[int, str]]) -> set[tuple[int, str]]:
    if not wanted:
        return set()
    (found,) = connection.execute(
        # A cross join has SQLite look for each of them. With IN it would go through all keys of the stream.
        "SELECT json_group_array(json_array(keys.stream, keys.key)) FROM json_each(?) AS wanted CROSS JOIN keys "
        "ON keys.stream = json_extract(wanted.value, '$[0]') AND keys.key = json_extract(wanted.value, '$[1]')",
        (json.dumps(wanted),),
    ).fetchone()
    return {(stream, key) for stream, key in json.loads(found)}


def _remember(connection: sqlite3.Connection, keys: Sequence[tuple[int, str]]) -> None:
    if keys:
        connection.execute(
            "INSERT INTO keys (stream, key) "
            "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)",
            (json.dumps(keys),),
        )


def _advance(connection: sqlite3.Connection, heads: Iterable[_Head]) -> None:
    connection.execute(
        "UPDATE streams SET last_id = json_extract(new.value, '$[1]'), fence = json_extract(new.value, '$[2]') "
        "FROM json_each(?) AS new WHERE stream = json_extract(new.value, '$[0]')",
        (json.dumps([(head.stream, head.last_id, head.fence) for head in heads]),),
    )


def insert(connection: sqlite3.Connection, rows: Sequence[tuple[int, int, str, bytes]]) -> None:
    """Rows of events: stream, id, event, data."""
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        places = ", ".join(["(?, ?, ?, ?)"] * len(some))
        values = [value for row in some for value in row]
        connection.execute(f"INSERT INTO events (stream, id, event, data) VALUES {places}", values)
