"""What stands of a thread or a run, row by row, whichever back end has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from redis import Redis

from perdure import Settings
from perdure.bridge.redis.address import RedisAddress
from perdure.bridge.redis.keys import Keys

Rows = dict[str, list[tuple[object, ...]]]


def is_file(url: str) -> bool:
    return url.startswith("sqlite:")


@contextmanager
def connected(url: str) -> Generator[Any]:
    """A connection to SQLite or Postgres, committed at the end of the block."""
    if is_file(url):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            yield connection
    else:
        with psycopg.connect(url) as connection:
            yield connection


def thread_rows(settings: Settings, thread_id: str) -> Rows:
    """LangGraph's tables, as far as they are of this thread. Without a row a table is left out."""
    url = settings.checkpointer_url
    tables = ("checkpoints", "writes") if is_file(url) else ("checkpoints", "checkpoint_writes", "checkpoint_blobs")
    mark = "?" if is_file(url) else "%s"
    with connected(url) as connection:
        found = {
            table: sorted(connection.execute(f"SELECT * FROM {table} WHERE thread_id = {mark}", (thread_id,)), key=repr)
            for table in tables
        }
    return {table: rows for table, rows in found.items() if rows}


_OWNER = {
    "run_id": "run_id = {run}",
    "thread_id": "thread_id = {thread}",
    "stream": "stream = (SELECT stream FROM {streams} WHERE run_id = {run})",
}
"""How a table says whose a row is."""
_FILE = (
    "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'",
    "streams",
)
_POSTGRES = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'",
    "perdure_streams",
)


def run_rows(settings: Settings, run_id: str, thread_id: str) -> Rows:
    """Everything that bridge, store and checkpointer hold of a run."""
    found: Rows = {}
    for url in {settings.bridge_url, settings.store_url, settings.checkpointer_url}:
        found |= _in_redis(url, run_id) if url.startswith("redis:") else _in_tables(url, run_id, thread_id)
    return {place: rows for place, rows in found.items() if rows}


def _in_tables(url: str, run_id: str, thread_id: str) -> Rows:
    columns_of, streams = _FILE if is_file(url) else _POSTGRES
    columns: dict[str, set[str]] = {}
    found: Rows = {}
    with connected(url) as connection:
        for table, column in connection.execute(columns_of):
            columns.setdefault(table, set()).add(column)
        for table, names in columns.items():
            if where := next((where for column, where in _OWNER.items() if column in names), None):
                whose = where.format(run=_quoted(run_id), thread=_quoted(thread_id), streams=streams)
                rows = connection.execute(f"SELECT * FROM {table} WHERE {whose}")
                found[table.removeprefix("perdure_stream_")] = sorted(rows, key=repr)
    return found


def _in_redis(url: str, run_id: str) -> Rows:
    head, events, seen = Keys(RedisAddress(url).prefix).all(run_id)
    client: Any = Redis.from_url(url.partition("?")[0])  # its calls are typed as if they might be awaited
    with closing(client):
        rows = {"head": client.hgetall(head).items(), "events": client.xrange(events), "keys": client.smembers(seen)}
        return {name: sorted(found, key=repr) for name, found in rows.items()}


def _quoted(text: str) -> str:
    assert "'" not in text
    return f"'{text}'"
