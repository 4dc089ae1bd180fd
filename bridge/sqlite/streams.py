"""What a SQLite bridge reads and writes, each a plain function of a connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from ...blocking import transaction
from ...contracts.errors import RunNotFoundError
from ..contract import NewEvent, StreamSize
from ..stream import Excerpt, StoredEvent, check_writable
from .publish import insert

# One read: enough to be quick over a long history, little enough for hundreds of slow readers to hold.
_EXCERPT_EVENTS = 500
_EXCERPT_BYTES = 2**20
_HELD = 500  # streams of one look at all of them


def create(connection: sqlite3.Connection, run_id: str, *, after: int = 0) -> None:
    """`after`: the id after which those of a new stream begin."""
    with transaction(connection):
        connection.execute(
            "INSERT OR IGNORE INTO streams (run_id, first_id, last_id) VALUES (?, ?, ?)", (run_id, after + 1, after)
        )


def end(connection: sqlite3.Connection, run_id: str, event: NewEvent, *, fence: int) -> int:
    """Append the terminal event; the id of the stream's last event. A stream that has ended stays as it is."""
    with transaction(connection):
        row = connection.execute(
            "SELECT stream, last_id, ended, fence FROM streams WHERE run_id = ?", (run_id,)
        ).fetchone()
        if row is None:
            raise RunNotFoundError(run_id)
        stream, last_id, ended, current = row
        # As if it had not ended: `finish_run` may come twice, and the second time finds what it wanted.
        check_writable(run_id, fence=fence, current=current, ended=False)
        if not ended:
            last_id += 1
            insert(connection, [(stream, last_id, event.event, event.data)])
        for table in ("keys", "leases"):
            connection.execute(f"DELETE FROM {table} WHERE stream = ?", (stream,))
        connection.execute(
            "UPDATE streams SET last_id = ?, ended = TRUE, fence = ? WHERE stream = ?", (last_id, fence, stream)
        )
    return last_id


def read(connection: sqlite3.Connection, run_id: str, position: int) -> Excerpt:
    """The first events after `position`. Raises `RunNotFoundError`."""
    # One statement, because that is one snapshot: a trim between two would look like a hole.
    cursor = connection.execute(
        "SELECT s.stream, s.first_id, s.last_id, s.ended, e.id, e.event, e.data "
        "FROM streams AS s LEFT JOIN events AS e ON e.stream = s.stream AND e.id > ? "
        "WHERE s.run_id = ? ORDER BY e.id LIMIT ?",
        (position, run_id, _EXCERPT_EVENTS),
    )
    row = cursor.fetchone()
    if row is None:
        raise RunNotFoundError(run_id)
    stream, first_id, last_id, ended = row[:4]
    events: list[StoredEvent] = []
    size = 0
    while row is not None and row[4] is not None:
        events.append(StoredEvent(*row[4:]))
        size += len(row[6])
        row = cursor.fetchone() if size < _EXCERPT_BYTES else None
    cursor.close()  # else the snapshot stays open, and the log cannot be reset
    return Excerpt(stream, first_id, last_id, bool(ended), events)


def last_id(connection: sqlite3.Connection, run_id: str) -> int:
    """The id of the newest event. Raises `RunNotFoundError`."""
    row = connection.execute("SELECT last_id FROM streams WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        raise RunNotFoundError(run_id)
    return row[0]


def size(connection: sqlite3.Connection, run_id: str) -> StreamSize:
    """What the stream holds. Raises `RunNotFoundError`."""
    row = connection.execute(
        "SELECT s.stream, count(e.id), coalesce(sum(length(e.data)), 0) "
        "FROM streams AS s LEFT JOIN events AS e ON e.stream = s.stream WHERE s.run_id = ? GROUP BY s.stream",
        (run_id,),
    ).fetchone()
    if row is None:
        raise RunNotFoundError(run_id)
    return StreamSize(row[1], row[2])


def raise_stop(connection: sqlite3.Connection, run_id: str, level: int) -> None:
    with transaction(connection):
        connection.execute("UPDATE streams SET stop = ? WHERE run_id = ? AND stop < ?", (level, run_id, level))


def stop_level(connection: sqlite3.Connection, run_id: str) -> int:
    """0 for a run that has no stream (yet)."""
    row = connection.execute("SELECT stop FROM streams WHERE run_id = ?", (run_id,)).fetchone()
    return 0 if row is None else row[0]


def trim(connection: sqlite3.Connection, run_id: str, before: int) -> None:
    """Delete what is older than `before`, but never a terminal event."""
    with transaction(connection):
        row = connection.execute("SELECT stream, last_id, ended FROM streams WHERE run_id = ?", (run_id,)).fetchone()
        if row is None:
            return
        stream, last_id, ended = row
        first_id = min(before, last_id if ended else last_id + 1)
        connection.execute("DELETE FROM events WHERE stream = ? AND id < ?", (stream, first_id))
        connection.execute(
            "UPDATE streams SET first_id = ? WHERE stream = ? AND first_id < ?", (first_id, stream, first_id)
        )


def cleanup(connection: sqlite3.Connection, run_id: str) -> None:
    with transaction(connection):
        for table in ("events", "keys", "leases"):
            connection.execute(
                f"DELETE FROM {table} WHERE stream = (SELECT stream FROM streams WHERE run_id = ?)", (run_id,)
            )
        connection.execute("DELETE FROM streams WHERE run_id = ?", (run_id,))


def held(connection: sqlite3.Connection, beyond: int) -> list[tuple[int, str]]:
    """The first streams with a number beyond this one, and their runs."""
    query = "SELECT stream, run_id FROM streams WHERE stream > ? ORDER BY stream LIMIT ?"
    return connection.execute(query, (beyond, _HELD)).fetchall()


def watched(connection: sqlite3.Connection, run_ids: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """Of those of `run_ids` that have a stream: its number, the id of its last event, its stop level."""
    # One row for all of them: SQLite lets go of the GIL for each, and a busy process gives it back late.
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(run_id, stream, last_id, stop)) FROM streams "
        "WHERE run_id IN (SELECT value FROM json_each(?))",
        (json.dumps(run_ids),),
    ).fetchone()
    return {run_id: (stream, last_id, stop) for run_id, stream, last_id, stop in json.loads(found)}
