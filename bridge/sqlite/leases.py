"""The leases of a SQLite bridge: who has to be there for a run to go on.

Their clock is the machine's own (`time.monotonic`), which all of its processes share and which nobody can set. It
begins anew with the machine, so a lease is void, too, that was given at a time which is still to come.
"""

from __future__ import annotations

import sqlite3
import time

from ...blocking import transaction


def attend(connection: sqlite3.Connection, run_id: str, lease: float) -> None:
    """Give a lease of so many seconds to a run that has not ended."""
    with transaction(connection):
        now = time.monotonic()
        connection.execute(
            "INSERT OR REPLACE INTO leases (stream, since, until) "
            "SELECT stream, ?, ? FROM streams WHERE run_id = ? AND NOT ended",
            (now, now + lease, run_id),
        )


def leave(connection: sqlite3.Connection, run_id: str) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM leases WHERE stream = (SELECT stream FROM streams WHERE run_id = ?)", (run_id,))


def abandoned(connection: sqlite3.Connection) -> list[str]:
    """The runs whose lease has run out, the longest ago first."""
    now = time.monotonic()
    rows = connection.execute(
        "SELECT s.run_id FROM leases AS l JOIN streams AS s ON s.stream = l.stream "
        "WHERE NOT s.ended AND (l.since > ? OR l.until <= ?) ORDER BY l.until",
        (now, now),
    )
    return [run_id for (run_id,) in rows.fetchall()]
