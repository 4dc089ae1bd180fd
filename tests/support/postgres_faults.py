"""What may happen to the Postgres of a bridge: done to the real one, and to what passes through a proxy before it."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import sql

from perdure.bridge.conformance import Faults
from perdure.bridge.contract import Bridge

from .postgres import PostgresServer
from .proxy import Proxy

_PUBLISHED = b'{"ok '
_TOLD = b"perdure_s"
_TABLES = ("perdure_streams", "perdure_stream_events", "perdure_stream_keys")


class PostgresFaults(Faults):
    """`url`: of the database that the bridge is in; `proxy`: before the first handle."""

    def __init__(self, server: PostgresServer, url: str, proxy: Proxy) -> None:
        self._server = server
        self._url = url
        self._proxy = proxy

    @asynccontextmanager
    async def lost_answers(self, bridge: Bridge) -> AsyncGenerator[None]:
        self._proxy.cut_at = _PUBLISHED
        yield
        assert self._proxy.cut_at is None, "no answer was lost"

    @asynccontextmanager
    async def power_cut(self) -> AsyncGenerator[None]:
        """As a failover to a standby that was behind: another timeline, and without what was written within."""
        with psycopg.connect(self._url) as connection:
            before = {table: self._rows(connection, table) for table in _TABLES}
        yield
        self._server.cut(self._url)
        with psycopg.connect(self._url) as connection:
            for table, rows in before.items():
                self._put(connection, table, rows)
            set_history(connection, secrets.token_hex(4))

    @asynccontextmanager
    async def deafness(self, bridge: Bridge) -> AsyncGenerator[None]:
        self._proxy.drops = _TOLD
        yield
        self._proxy.drops = None

    async def restart(self) -> None:
        await asyncio.to_thread(self._server.stop, signal.SIGQUIT)
        await asyncio.to_thread(self._server.start)

    async def remove(self, run_id: str, first: int, last: int) -> None:
        query = (
            "DELETE FROM perdure_stream_events AS e USING perdure_streams AS s "
            "WHERE s.run_id = %s AND e.stream = s.stream AND e.id BETWEEN %s AND %s"
        )
        with psycopg.connect(self._url) as connection:
            assert connection.execute(query, (run_id, first, last)).rowcount == last + 1 - first

    @staticmethod
    def _rows(connection: psycopg.Connection, table: str) -> list[str]:
        query = sql.SQL("SELECT to_jsonb(one)::text FROM {} AS one").format(sql.Identifier(table))
        return [row for (row,) in connection.execute(query)]

    @staticmethod
    def _put(connection: psycopg.Connection, table: str, rows: list[Any]) -> None:
        name = sql.Identifier(table)
        connection.execute(sql.SQL("DELETE FROM {}").format(name))
        query = "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(NULL::{0}, %s::jsonb)).*"
        with connection.cursor() as cursor:
            cursor.executemany(sql.SQL(query).format(name), [(row,) for row in rows])


def set_history(connection: psycopg.Connection, history: str) -> None:
    """Have the server say that it is another one than before."""
    text = "CREATE OR REPLACE FUNCTION perdure_stream_history() RETURNS text LANGUAGE sql AS {}"
    body = sql.Literal(f"SELECT '{history}'")
    connection.execute(sql.SQL(text).format(body))
