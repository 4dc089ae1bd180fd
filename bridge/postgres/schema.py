"""The tables of streams, made once, whoever starts first.

- `perdure_streams`: of each run its stream. `floor`: later ids are larger, also where `last_id` was lost. `history`: of
  the server that wrote last. `done`: each writer's last batch, so that one that comes again appends nothing; of the
  newest fence only.
- `perdure_stream_keys`: of the events that may come again.
- `perdure_stream_losses`: the history up to which everything that was lost is mended.

Names of events and keys are bytes, for Postgres' texts hold no NUL.
"""

from __future__ import annotations

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ...blocking.postgres_address import PostgresAddress
from ...blocking.postgres_setup import alone, connect, migrate, migrations_done
from ...contracts.errors import ConfigError
from .functions import FUNCTIONS

_TABLE = "perdure_stream_migrations"
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"CREATE TABLE {_TABLE} (v INTEGER PRIMARY KEY)",
        # Half of a page stays free, so that a head that is written anew has room beside its old row.
        """
        CREATE TABLE perdure_streams (
            stream BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            run_id TEXT COLLATE "C" NOT NULL UNIQUE,
            first_id BIGINT NOT NULL,
            last_id BIGINT NOT NULL DEFAULT 0,
            floor BIGINT NOT NULL,
            ended BOOLEAN NOT NULL DEFAULT false,
            fence BIGINT NOT NULL DEFAULT 0,
            stop SMALLINT NOT NULL DEFAULT 0,
            history TEXT NOT NULL,
            done JSONB NOT NULL DEFAULT '{}',
            attended_until TIMESTAMPTZ
        ) WITH (fillfactor = 50)
        """,
        """
        CREATE INDEX perdure_streams_attended ON perdure_streams (attended_until) WHERE attended_until IS NOT NULL
        """,
        """
        CREATE TABLE perdure_stream_events (
            stream BIGINT NOT NULL,
            id BIGINT NOT NULL,
            event BYTEA NOT NULL,
            data BYTEA NOT NULL,
            PRIMARY KEY (stream, id)
        )
        """,
        "CREATE TABLE perdure_stream_keys (stream BIGINT NOT NULL, key BYTEA NOT NULL, PRIMARY KEY (stream, key))",
        *FUNCTIONS,
        "CREATE TABLE perdure_stream_losses (mended TEXT NOT NULL)",
        "INSERT INTO perdure_stream_losses (mended) SELECT perdure_stream_history()",
    ),
)
"""Only ever added to."""


async def set_up(address: PostgresAddress) -> None:
    """Raises psycopg's errors, `UnavailableError`, and `ConfigError` for a database that cannot be used."""
    async with await connect(address) as connection:
        if await _is_newest(address, connection):
            return
    async with alone(address, "streams") as connection:
        await migrate(connection, _TABLE, _MIGRATIONS)


async def _is_newest(address: PostgresAddress, connection: AsyncConnection[DictRow]) -> bool:
    done = await migrations_done(connection, _TABLE)
    if done > len(_MIGRATIONS):
        raise ConfigError(
            f"the streams of {address.shown} were made by a newer version of Perdure: upgrade it, or set "
            f"{address.setting} to another database"
        )
    return done == len(_MIGRATIONS)
