"""Making tables while other processes may be making the same ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from zlib import crc32

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from ..contracts.errors import UnavailableError
from .postgres_address import BEGIN, CONNECTING, PostgresAddress

_LIMIT = 60.0
"""Seconds to wait for others, and that one may be frozen in the middle."""
_PAUSE = 0.05
_ALONE = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '60s'"
_UNFINISHED = """
    SELECT quote_ident(c.relname) AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE NOT i.indisvalid AND i.indrelid = ANY(SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)
"""


async def connect(address: PostgresAddress) -> AsyncConnection[DictRow]:
    """A connection of one's own. Raises psycopg's errors, and `ConfigError` for a database that cannot be used."""
    options: dict[str, Any] = {**CONNECTING, "row_factory": dict_row}
    connection = cast("AsyncConnection[DictRow]", await AsyncConnection.connect(address.conninfo, **options))
    try:
        address.check(connection.info)
    except BaseException:
        await connection.close()
        raise
    return connection


@asynccontextmanager
async def alone(address: PostgresAddress, what: str) -> AsyncGenerator[AsyncConnection[DictRow]]:
    """A connection on which nobody but this process makes the tables of `what`. Raises `UnavailableError`.

    LangGraph makes its indexes CONCURRENTLY, and that waits for every transaction that waits for something itself. So
    the lock is tried again and again. It is held by a transaction of another connection, which keeps no snapshot: what
    a session holds is nobody's behind a pgbouncer.
    """
    async with await connect(address) as keeper, await connect(address) as connection:
        deadline = asyncio.get_running_loop().time() + _LIMIT
        while not await _is_taken(keeper, what):
            if asyncio.get_running_loop().time() > deadline:
                raise UnavailableError(f"{what}: another process has been making its tables for {_LIMIT:.0f} s")
            await asyncio.sleep(_PAUSE)
        yield connection


async def _is_taken(keeper: AsyncConnection[DictRow], what: str) -> bool:
    await keeper.execute(_ALONE)
    # Without parameters: psycopg would leave a portal, and with it a snapshot, to the end of the transaction.
    lock = f"SELECT pg_try_advisory_xact_lock({crc32(what.encode())}) AS got"
    row = await (await keeper.execute(lock.encode())).fetchone()
    if row is None or not row["got"]:
        await keeper.rollback()
        return False
    return True


async def drop_unfinished(connection: AsyncConnection[DictRow], tables: Iterable[str]) -> None:
    """Indexes that a process was making when it was killed: they look as if they were there."""
    rows = await (await connection.execute(_UNFINISHED, ([*tables],))).fetchall()
    for row in rows:
        await connection.execute(f"DROP INDEX {row['name']}".encode())


async def migrations_done(connection: AsyncConnection[DictRow], table: str) -> int:
    """How many migrations `table` knows of; 0 where it is not there yet."""
    there = await (await connection.execute("SELECT to_regclass(%s) AS name", (table,))).fetchone()
    if there is None or there["name"] is None:
        return 0
    row = await (await connection.execute(f"SELECT count(*) AS done FROM {table}".encode())).fetchone()
    return 0 if row is None else int(row["done"])


async def migrate(connection: AsyncConnection[DictRow], table: str, migrations: Sequence[Sequence[str]]) -> None:
    """Do those that `table` does not know of, in one transaction. The first one makes the table, with its column `v`.

    Only for who is `alone`.
    """
    done = await migrations_done(connection, table)
    await connection.execute(BEGIN)
    for number, statements in enumerate(migrations[done:], done):
        for statement in statements:
            await connection.execute(statement.encode())
        await connection.execute(f"INSERT INTO {table} (v) VALUES ({number})".encode())
    await connection.commit()
