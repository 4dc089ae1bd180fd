"""`migrate_store`: the tables of the records, to another revision, when nobody is at work on them."""

from __future__ import annotations

from sqlalchemy import Connection, inspect

from ..contracts.errors import ConfigError
from ..contracts.settings import Settings
from ..contracts.workers import LIFETIME
from ..store.database import Database
from ..store.migrate import Migration as Migration
from ..store.migrate import move, plan
from ..store.schema import REVISION, workers
from ..store.workers import names_there


async def migrate_store(settings: Settings, target: str | None, *, check: bool, force: bool) -> Migration:
    """Migrate to `target`, or to the newest revision; what was done, or with `check` would be.

    Raises `ConfigError` while a worker is there, and on a way that loses something, without `force`.
    """
    wanted = target or REVISION
    database = Database(settings.store_url, lock_timeout=10.0)
    try:
        await database.open()
        if check:
            return await plan(database, wanted)
        if not force:
            _check_alone(await database.read(_workers_there))
        return await move(database, wanted, allow=None if force else _check_losses)
    finally:
        await database.close()


def _check_losses(migration: Migration) -> None:
    if migration.losses:
        raise ConfigError(
            f"down to revision {migration.target} is lost for good: {'; '.join(migration.losses)}. Make a backup, then "
            "say --force"
        )


def _check_alone(there: list[str]) -> None:
    if there:
        raise ConfigError(
            f"workers of this installation are there: {', '.join(there)}. Stop them first (one that was killed is "
            f"there for {LIFETIME.total_seconds():g} s more), or say --force"
        )


def _workers_there(connection: Connection) -> list[str]:
    return names_there(connection) if inspect(connection).has_table(workers.name) else []
