"""LangGraph's tables and ours, made once, whoever starts first."""

from __future__ import annotations

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow

from ...blocking.postgres_address import PostgresAddress
from ...blocking.postgres_setup import alone, connect, drop_unfinished, migrate
from ...contracts.errors import ConfigError
from . import fences, rollback

_TABLE = "perdure_migrations"
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"CREATE TABLE {_TABLE} (v INTEGER PRIMARY KEY)",
        """
        CREATE TABLE perdure_runs (
            run_id TEXT PRIMARY KEY,
            thread_id TEXT NOT NULL,
            fence BIGINT NOT NULL,
            note TEXT
        )
        """,
        "CREATE INDEX perdure_runs_of_thread ON perdure_runs (thread_id)",
        *rollback.TABLES,
        *fences.FUNCTIONS,
    ),
)
"""Only ever added to."""
_LANGGRAPHS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
_VERSIONS = f"""
    SELECT (SELECT max(v) FROM checkpoint_migrations) AS theirs, (SELECT max(v) FROM {_TABLE}) AS ours
"""


async def set_up(address: PostgresAddress) -> None:
    """Raises psycopg's errors, `UnavailableError`, and `ConfigError` for a database that cannot be used."""
    async with await connect(address) as connection:
        await _check_isolation(address, connection)
        if await _is_newest(address, connection):
            return
    async with alone(address, "checkpoints") as connection:
        await drop_unfinished(connection, _LANGGRAPHS)
        await AsyncPostgresSaver(connection).setup()
        await migrate(connection, _TABLE, _MIGRATIONS)


async def _check_isolation(address: PostgresAddress, connection: AsyncConnection[DictRow]) -> None:
    row = await (await connection.execute("SHOW default_transaction_isolation")).fetchone()
    if row is not None and row["default_transaction_isolation"] != "read committed":
        raise ConfigError(
            f"{address.setting}: fences need the isolation level of transactions that is Postgres' own, and "
            f"{address.shown} has another one (ALTER DATABASE … SET default_transaction_isolation = 'read committed')"
        )


async def _is_newest(address: PostgresAddress, connection: AsyncConnection[DictRow]) -> bool:
    try:
        row = await (await connection.execute(_VERSIONS)).fetchone()
    except UndefinedTable:
        return False
    ours, theirs = (-1, -1) if row is None else (row["ours"], row["theirs"])
    if ours is not None and ours >= len(_MIGRATIONS):
        raise ConfigError(
            f"the checkpoints of {address.shown} were made by a newer version of Perdure: upgrade it, or set "
            f"{address.setting} to another database"
        )
    return ours == len(_MIGRATIONS) - 1 and theirs is not None and theirs >= len(AsyncPostgresSaver.MIGRATIONS) - 1
