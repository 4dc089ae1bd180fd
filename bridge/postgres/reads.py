"""What is read of streams, over a few connections for all readers of a process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.rows import tuple_row

from ...blocking import uncut
from ...blocking.postgres_address import PostgresAddress
from ...blocking.postgres_calls import Pool, make_pool, repeated
from ...contracts.errors import RunNotFoundError, UnavailableError
from ..contract import StreamSize
from ..stream import Excerpt, StoredEvent

_CONNECTIONS = 4
_EXCERPT_EVENTS, _EXCERPT_BYTES = 500, 2**20
"""Enough to be quick over a long history, little enough for hundreds of slow readers to hold."""
_WHAT = "the bridge at"
_PATIENCE = 5.0
"""Seconds, as for what is written."""
_READERS_PATIENCE = 30.0
"""Seconds: what a reader is about to read may be longer in coming than others wait."""

# One statement, because that is one moment: a trim between two would look like a hole.
_EXCERPT = f"""
    SELECT s.stream, s.first_id, s.last_id, s.ended, e.id, e.event, e.data
    FROM perdure_streams AS s LEFT JOIN LATERAL (
        SELECT id, event, data FROM (
            SELECT id, event, data, sum(length(data)) OVER (ORDER BY id) - length(data) AS before
            FROM (
                SELECT id, event, data FROM perdure_stream_events
                WHERE stream = s.stream AND id > %(position)s ORDER BY id LIMIT {_EXCERPT_EVENTS}
            ) AS next
        ) AS sized
        WHERE before < {_EXCERPT_BYTES}
    ) AS e ON true
    WHERE s.run_id = %(run)s ORDER BY e.id
"""
_LAST_ID = "SELECT last_id FROM perdure_streams WHERE run_id = %(run)s"
_SIZE = """
    SELECT count(e.id), coalesce(sum(octet_length(e.data)), 0)::bigint
    FROM perdure_streams AS s LEFT JOIN perdure_stream_events AS e ON e.stream = s.stream
    WHERE s.run_id = %(run)s GROUP BY s.stream
"""
_STOP = "SELECT stop FROM perdure_streams WHERE run_id = %(run)s"
_ABANDONED = """
    SELECT run_id FROM perdure_streams WHERE attended_until <= clock_timestamp() AND NOT ended ORDER BY attended_until
"""
_HELD = "SELECT stream, run_id FROM perdure_streams WHERE stream > %(beyond)s ORDER BY stream LIMIT 500"
_LOSSES = """
    SELECT here FROM perdure_stream_history() AS here
    WHERE NOT EXISTS (SELECT 1 FROM perdure_stream_losses WHERE mended = here)
"""


class Reads:
    """From `open` to `close`."""

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._pool: Pool = make_pool(address, size=_CONNECTIONS)

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await uncut(self._pool.close())

    async def excerpt(self, run_id: str, position: int) -> Excerpt:
        """The first events after `position`. Raises `RunNotFoundError`."""
        parameters = {"run": run_id, "position": position}
        rows = await self._fetch(_EXCERPT, parameters, patience=_READERS_PATIENCE)
        if not rows:
            raise RunNotFoundError(run_id)
        events = [StoredEvent(id, event.decode(), data) for *_, id, event, data in rows if id is not None]
        stream, first, last, ended = rows[0][:4]
        return Excerpt(stream, first, last, ended, events)

    async def size(self, run_id: str) -> StreamSize:
        """Raises `RunNotFoundError`."""
        rows = await self._fetch(_SIZE, {"run": run_id}, patience=_READERS_PATIENCE)
        if not rows:
            raise RunNotFoundError(run_id)
        return StreamSize(*rows[0])

    async def last_id(self, run_id: str) -> int:
        """Raises `RunNotFoundError`."""
        rows = await self._fetch(_LAST_ID, {"run": run_id})
        if not rows:
            raise RunNotFoundError(run_id)
        return rows[0][0]

    async def stop_level(self, run_id: str) -> int:
        """0 for a run that has no stream (yet)."""
        rows = await self._fetch(_STOP, {"run": run_id}, patience=_READERS_PATIENCE)
        return rows[0][0] if rows else 0

    async def abandoned(self) -> list[str]:
        return [run_id for (run_id,) in await self._fetch(_ABANDONED)]

    async def held(self, beyond: int) -> list[tuple[int, str]]:
        """The first streams with a number beyond this one, and their runs."""
        return [(stream, run_id) for stream, run_id in await self._fetch(_HELD, {"beyond": beyond})]

    async def losses(self) -> str | None:
        rows = await self._fetch(_LOSSES)
        return rows[0][0] if rows else None

    async def answer(self) -> bool:
        """Whether the server does, now."""
        try:
            await self._fetch("SELECT 1", patience=0)
        except UnavailableError:
            return False
        return True

    async def _fetch(
        self, query: str, parameters: Mapping[str, Any] | None = None, *, patience: float = _PATIENCE
    ) -> list[tuple[Any, ...]]:
        async def fetched() -> list[tuple[Any, ...]]:
            async with self._pool.connection() as connection:
                cursor = connection.cursor(binary=True, row_factory=tuple_row)
                return await (await cursor.execute(query.encode(), parameters)).fetchall()

        return await repeated(self._address, _WHAT, fetched, patience=patience)
