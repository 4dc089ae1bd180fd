"""`perdure migrate` and `perdure copy`: their words and exit codes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perdure.store.schema import REVISION

from .conftest import CommandLine, environment

Sql = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    """A home that nobody has used."""
    return CommandLine(environment(tmp_path), tmp_path)


@pytest.fixture
def execute(tmp_path: Path) -> Sql:
    """A statement in the store's file."""

    def executed(statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return executed


async def test_up_and_down(command: CommandLine, execute: Sql) -> None:
    checked = await command("migrate", "--check")
    assert (checked.code, checked.out.split(" (")[0]) == (1, f"would migrate the store no tables → {REVISION}")
    made = await command("migrate", "--json")
    assert (made.code, made.document["from"], made.document["to"], made.document["done"]) == (0, None, REVISION, True)
    again = await command("migrate")
    assert (again.code, again.out) == (0, f"the store has revision {REVISION}: nothing to do\n")

    refused = await command("migrate", "--to", "0006")
    assert (refused.code, "the identity of the installation" in refused.err) == (2, True)
    assert execute("SELECT version_num FROM alembic_version") == [(REVISION,)]
    down = await command("migrate", "--to", "0006", "--force", "--json")
    assert down.document["steps"] == [f"{number:04}" for number in range(int(REVISION), 6, -1)]
    assert execute("SELECT version_num FROM alembic_version") == [("0006",)]
    assert (await command("migrate")).code == 0
    unknown = await command("migrate", "--to", "0066")
    assert (unknown.code, "there is no revision '0066'" in unknown.err) == (2, True)


async def test_workers_that_are_there_are_in_the_way(command: CommandLine, execute: Sql) -> None:
    assert (await command("migrate")).code == 0
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    execute("INSERT INTO workers VALUES ('w', 'q', 'process 1 on host', '{}', ?, ?, NULL)", now, now)
    refused = await command("migrate", "--to", REVISION)
    assert (refused.code, "process 1 on host" in refused.err, "--force" in refused.err) == (2, True, True)
    assert (await command("migrate", "--force")).code == 0


async def test_a_copy_says_what_it_has_compared(command: CommandLine, tmp_path: Path, execute: Sql) -> None:
    assert (await command("migrate")).code == 0
    execute(
        "INSERT INTO threads (thread_id, status, metadata, created_at, updated_at) VALUES ('t', 'idle', '{}', ?, ?)",
        "2026-01-01 00:00:00.000000",
        "2026-01-01 00:00:00.000000",
    )
    (tmp_path / "other.yaml").write_text("home: other\n")
    # The home of the variable would be that of both.
    there = CommandLine({**command.environment, "PERDURE_HOME": ""}, tmp_path)
    there.environment.pop("PERDURE_HOME")
    (tmp_path / "here.yaml").write_text("home: .\n")
    copied = await there("copy", "--config", "here.yaml", "--to", "other.yaml", "--json")
    assert copied.code == 0, copied.err
    threads = next(table for table in copied.document["tables"] if table["name"] == "store.threads")
    assert (threads["source"], threads["target"], copied.document["equal"]) == (1, 1, True)
    execute("UPDATE threads SET status = 'busy'")
    compared = await there("copy", "--config", "here.yaml", "--to", "other.yaml")
    assert (compared.code, "NOT EQUAL: 0 missing, 1 different" in compared.out) == (1, True)
    missing = await there("copy", "--config", "here.yaml", "--to", "nowhere.yaml")
    assert missing.code == 2
