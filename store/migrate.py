"""Bring the tables of a database to the newest revision. Alembic is imported only when there is something to do."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from ..contracts.errors import ConfigError
from .database import Database
from .locks import lock_migrations
from .schema import REVISION

if TYPE_CHECKING:
    from alembic.config import Config

_VERSION = table("alembic_version", column("version_num"))


async def migrate(database: Database) -> None:
    """Idempotent, all or nothing, and safe from several processes at once.

    Raises `UnavailableError`, or `ConfigError` when a newer version of Perdure has made the tables.
    """
    if await database.read(_current) == REVISION:
        return
    config = _load_config()  # before the lock is taken: the import is slow
    await database.write(partial(_upgrade, config=config, place=str(database)))


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(select(_VERSION.c.version_num))


def _load_config() -> Config:
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _upgrade(connection: Connection, config: Config, place: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    lock_migrations(connection)  # one process at a time looks and upgrades
    current = _current(connection)
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if current is not None and current not in known:
        raise ConfigError(
            f"the tables of {place} have the revision {current!r}, which this version of Perdure does not know (its "
            f"newest is {REVISION!r}): upgrade Perdure, or set store.url to another database"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
