"""From nothing to the newest tables, by several processes at once, and not beyond what is known."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import perdure.store
from perdure.contracts.errors import ConfigError
from perdure.store import SqlStore, migrate, open_store
from perdure.store.schema import REVISION, metadata

Program = tuple[BaseProcess, Connection]
Launch = Callable[..., Program]
Race = Callable[..., list[Any]]

START = """
import asyncio
from perdure.store import open_store

async def main():
    store = open_store(arguments[0])
    pipe.send("ready")
    pipe.recv()
    await store.start()
    assert await store.list() == []
    await store.close()
    pipe.send("done")

asyncio.run(main())
"""

START_AND_DIE = """
import asyncio, os, signal
from sqlalchemy import Engine, event
from perdure.store import open_store

def die(connection, cursor, statement, *_):
    if "CREATE TABLE run_values" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "after_cursor_execute", die)
asyncio.run(open_store(arguments[0]).start())
"""


LABELS = "thread_labels"
"""In SQLite only: triggers keep it."""


def is_ours(name: str | None, *_: object) -> bool:
    return name != LABELS


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return names - {"sqlite_sequence", LABELS}


def revisions(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    rows = [revision for (revision,) in connection.execute("SELECT version_num FROM alembic_version")]
    connection.close()
    return rows


def schema_version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA schema_version").fetchone()[0]


def set_revision(path: Path, revision: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
    connection.close()


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    """Started from nothing."""
    store = SqlStore(url)
    await store.start()
    yield store
    await store.close()


async def test_an_empty_file_gets_all_tables(store: SqlStore, path: Path) -> None:
    assert tables(path) == {*metadata.tables, "alembic_version"}
    assert revisions(path) == [REVISION]


async def test_the_migrations_make_the_tables_of_the_schema(store: SqlStore, path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_ours})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_what_autogenerate_does_not_see_agrees_too(store: SqlStore, path: Path) -> None:
    made = create_engine("sqlite://")
    metadata.create_all(made)
    query = (
        f"SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite_auto%' "
        f"AND tbl_name != '{LABELS}' AND type != 'trigger'"
    )
    with made.connect() as connection:
        wanted = {(name, _normal(sql)) for name, sql in connection.exec_driver_sql(query)}
    made.dispose()
    migrated = sqlite3.connect(path)
    assert {(name, _normal(sql)) for name, sql in migrated.execute(query)} == wanted
    migrated.close()


def _normal(sql: str) -> str:
    return " ".join(sql.split())


def test_the_revision_is_the_head_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(perdure.store.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


async def test_a_second_start_changes_nothing(store: SqlStore, path: Path) -> None:
    before = schema_version(path)
    await store.start()
    assert schema_version(path) == before


async def test_a_newer_database_is_refused_and_left_alone(store: SqlStore, url: str, path: Path) -> None:
    set_revision(path, "9999")
    newer = open_store(url)
    with pytest.raises(ConfigError, match=r"'9999'.*upgrade Perdure"):
        await newer.start()
    assert revisions(path) == ["9999"]
    set_revision(path, REVISION)
    await newer.start()
    await newer.close()


async def test_a_package_in_a_folder_with_a_percent_sign(
    url: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "100%(here)s"
    folder.symlink_to(Path(migrate.__file__).parent)
    monkeypatch.setattr(migrate, "__file__", str(folder / "migrate.py"))
    store = open_store(url)
    await store.start()
    assert revisions(path) == [REVISION]
    await store.close()


async def test_four_processes_start_at_once(url: str, path: Path, race: Race) -> None:
    race(START, *[(url,)] * 4)
    assert tables(path) == {*metadata.tables, "alembic_version"}
    assert revisions(path) == [REVISION]


async def test_a_process_killed_in_the_middle_of_a_migration(url: str, path: Path, launch: Launch) -> None:
    path.parent.mkdir()
    killed, _ = launch(START_AND_DIE, url)
    killed.join()
    assert killed.exitcode == -9
    assert tables(path) == set()
    store = open_store(url)
    await store.start()
    assert revisions(path) == [REVISION]
    await store.close()
