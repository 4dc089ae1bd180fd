"""A pgbouncer before the tests' Postgres, where the machine has one (on Debian: apt install pgbouncer)."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from .postgres import PostgresServer
from .servers import free_port


@contextmanager
def pgbouncer(server: PostgresServer, url: str, mode: str) -> Generator[str]:
    """The URL of the server's database at `url`, through a pgbouncer that pools by `mode`: few connections for all."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer on this machine (on Debian: apt install pgbouncer)")
    folder, port = Path(tempfile.mkdtemp(prefix="perdure-pgbouncer-")), free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = 3\nunix_socket_dir =\n"
    )
    os.chmod(folder, 0o755)
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    process = subprocess.Popen([program, settings], user=user if os.getuid() == 0 else None, stderr=subprocess.DEVNULL)
    url = url.replace(f":{server.port}/", f":{port}/")
    try:
        _await(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


def _await(url: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "pgbouncer did not start"
            time.sleep(0.02)
