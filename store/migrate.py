"""Bring the tables of a database to a revision. Alembic is imported only when there is something to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from ..contracts.errors import ConfigError, nearest
from .database import Database
from .locks import lock_migrations
from .schema import REVISION

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_VERSION = table("alembic_version", column("version_num"))
LOSSES: Mapping[str, str] = {
    "0001": "all records",
    "0003": "threads, run events, and what observers were told",
    "0005": "why runs do not get on",
    "0007": "the large contents of run events",
    "0008": "the identity of the installation, and in which Temporal each run was submitted",
    "0009": "how threads were left",
    "0010": "crons",
    "0011": "API keys: make new ones",
    "0012": "assistants that clients have made, and the metadata of crons",
}
"""What is lost for good on the way down from a revision."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A way from one revision to another."""

    current: str | None
    """`None`: there are no tables yet."""
    target: str
    steps: tuple[str, ...]
    """The revisions on the way, in order: those that are made, or those that are taken back."""

    @property
    def down(self) -> bool:
        """Whether it leads back."""
        return self.current is not None and self.target < self.current

    @property
    def losses(self) -> tuple[str, ...]:
        """What it loses."""
        return tuple(LOSSES[step] for step in self.steps if self.down and step in LOSSES)


async def migrate(database: Database) -> None:
    """To the newest revision. Idempotent, all or nothing, and safe from several processes at once.

    Raises `UnavailableError`, or `ConfigError` when a newer version of Perdure has made the tables.
    """
    if await database.read(current_revision) == REVISION:
        return
    await move(database, REVISION)


async def plan(database: Database, target: str) -> Migration:
    """What `move` would do. Raises `ConfigError` for a revision that is not known."""
    config = _load_config()
    current = await database.read(current_revision)
    return _planned(current, target, config, str(database))


async def move(database: Database, target: str, *, allow: Callable[[Migration], None] | None = None) -> Migration:
    """To a revision, up or down. `allow` may refuse what is to be done by raising."""
    config = _load_config()  # before the lock is taken: the import is slow
    return await database.write(partial(_move, config=config, target=target, place=str(database), allow=allow))


def current_revision(connection: Connection) -> str | None:
    """Of the tables; `None` where there are none."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(select(_VERSION.c.version_num))


def _load_config() -> Config:
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _move(
    connection: Connection, config: Config, target: str, place: str, allow: Callable[[Migration], None] | None
) -> Migration:
    from alembic import command

    lock_migrations(connection)  # one process at a time looks and migrates
    migration = _planned(current_revision(connection), target, config, place)
    if allow is not None:
        allow(migration)
    config.attributes["connection"] = connection
    (command.downgrade if migration.down else command.upgrade)(config, target)
    return migration


def _planned(current: str | None, target: str, config: Config, place: str) -> Migration:
    from alembic.script import ScriptDirectory

    known = _revisions(ScriptDirectory.from_config(config))
    if target not in known:
        raise ConfigError(f"there is no revision {target!r}{nearest(target, known)}; known: {', '.join(known)}")
    if current is not None and current not in known:
        raise ConfigError(
            f"the tables of {place} have the revision {current!r}, which this version of Perdure does not know (its "
            f"newest is {REVISION!r}): upgrade Perdure, or set store.url to another database"
        )
    at, to = known.index(current) + 1 if current else 0, known.index(target) + 1
    steps = known[at:to] if to >= at else known[to:at][::-1]
    return Migration(current, target, tuple(steps))


def _revisions(scripts: ScriptDirectory) -> list[str]:
    return sorted(script.revision for script in scripts.walk_revisions())
