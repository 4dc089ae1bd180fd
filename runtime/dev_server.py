"""The development server: one real Temporal server on this machine, for work and for tests."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NoReturn, Self

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ..blocking import private_folder, restrict_database, restrict_home
from ..contracts.errors import DevServerError, TemporalUnreachableError
from ..contracts.retry import Retry, is_a, retried
from ..contracts.settings import Settings
from .connection import connect
from .server_command import database_path, server_command
from .server_lock import end_orphan, note_holder, server_lock, writable
from .target import Target, server_address, temporal_target
from .temporal_cli import find_temporal_cli

_UMASK = 0o077
"""The server makes its database by itself, for its owner only. (An empty file it would take for a broken one.)"""
START_LIMIT = 30.0
STOP_LIMIT = 10.0
"""Seconds. A server without load is up in 0.5 s and down in 1 s."""

# Runs between fork and the server, as a program of its own because Python code in a forked child of a process with
# threads can deadlock. It asks Linux for a SIGKILL at the death of the thread that started it, and becomes the server.
# The comparison closes the gap in which the parent died before that was asked.
_TIED_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


async def exec_server(settings: Settings) -> NoReturn:
    """Become the server: this process goes on as it, so that signals and exit codes are the server's own.

    Raises `DevServerError` or `ConfigError`, as long as there is a Python process to raise it.
    """
    command = await _prepare(settings)
    with server_lock(settings) as lock:
        os.set_inheritable(lock, True)
        note_holder(lock, os.getpid(), settings)
        sys.stdout.flush()
        sys.stderr.flush()
        os.umask(_UMASK)
        try:
            os.execv(command[0], command)
        except OSError as exc:
            raise DevServerError(f"{command[0]} cannot be run: {exc.strerror}") from exc


class DevServer:
    """The server as a child process: `async with DevServer(settings) as server: client = await server.connect()`.

    It has a session of its own, so that Ctrl-C stops the caller first and workers can still report to it. On Linux it
    dies with the thread that started it, however that ends. Elsewhere a caller that is killed leaves it running, and
    the next start ends it, and says so (`notes`).
    """

    def __init__(self, settings: Settings, *, start_limit: float = START_LIMIT) -> None:
        self._settings = settings
        self._start_limit = start_limit
        self._process: asyncio.subprocess.Process | None = None
        self._target = Target(server_address(settings.server), temporal_target(settings).namespace)
        self.notes: list[str] = []
        """What the start has done beside, for people."""
        self.log_path = settings.home.absolute() / "temporal.log"

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return self._target.address

    @property
    def ui_url(self) -> str | None:
        """Where the Temporal UI is, if it was not switched off."""
        server = self._settings.server
        return f"http://{server_address(server.model_copy(update={'port': server.ui_port}))}" if server.ui else None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the server and wait until it answers. Raises `DevServerError` or `ConfigError`."""
        if (ended := await end_orphan(self._settings)) is not None:
            self.notes.append(ended)
        command = await _prepare(self._settings)
        with server_lock(self._settings) as lock, _new_log(self.log_path) as log:
            self._process = await _spawn(command, log, lock)
            note_holder(lock, self._process.pid, self._settings, owner=os.getpid())
        try:
            await self._until_ready(self._process)
        except BaseException:
            await self.stop(limit=0)
            raise

    async def stop(self, *, limit: float = STOP_LIMIT) -> None:
        """End the server: politely, and by force after `limit` seconds or when cancelled. Idempotent."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        try:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                process.terminate()
                async with asyncio.timeout(limit):
                    await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def wait(self) -> None:
        """Wait until the server has ended. Raises `DevServerError` unless `stop` ended it."""
        if process := self._process:
            await process.wait()
            if self._process is process:
                raise self._failure(f"ended by itself with status {process.returncode}")

    async def connect(self) -> Client:
        """A client of this server, whatever `TEMPORAL_*` variables say. Raises `TemporalUnreachableError`."""
        return await connect(self._target, self._settings, timeout=self._settings.temporal.connect_timeout)

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        async def answers() -> None:
            if process.returncode is not None:  # what answers then is another server, at the same address
                raise self._failure(f"ended at once with status {process.returncode}")
            await connect(self._target, self._settings, timeout=1.0)

        try:
            async with asyncio.timeout(self._start_limit):
                await retried(answers, Retry(when=is_a(TemporalUnreachableError), until=math.inf, pause=0.02))
        except TimeoutError as exc:
            raise self._failure(f"does not answer after {self._start_limit:g} s") from exc

    def _failure(self, what: str) -> DevServerError:
        heading = f"the development server {what}; the end of {self.log_path}:"
        return DevServerError("\n".join([heading, *_tail(self.log_path)]))


async def _spawn(command: list[str], log: BinaryIO, lock: int) -> asyncio.subprocess.Process:
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", _TIED_TO_PARENT, str(os.getpid()), *command]
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=_UMASK,
            pass_fds=(lock,),
        )
    except OSError as exc:
        raise DevServerError(f"the development server cannot be started: {exc}") from exc


async def _prepare(settings: Settings) -> list[str]:
    """The command line, once nothing is known that would keep it from working."""
    database = database_path(settings)
    for folder in [settings.home] if database is None else [settings.home, database.parent]:
        try:
            private_folder(folder)
        except OSError as exc:
            raise DevServerError(f"the folder {str(folder)!r} (home) cannot be made: {exc.strerror}") from exc
    restrict_home(settings.home)
    if database is not None:
        restrict_database(database)
    command = server_command(await find_temporal_cli(settings.home), settings)
    await _require_ports(settings)
    return command


async def _require_ports(settings: Settings) -> None:
    server = settings.server
    if _taken(server.ip, server.port, "server.port"):
        who = await _occupant(server_address(server))
        raise DevServerError(_port_help(server.ip, server.port, "server.port", who))
    if server.ui and _taken(server.ip, server.ui_port, "server.ui_port"):
        raise DevServerError(_port_help(server.ip, server.ui_port, "server.ui_port", "another program listens there"))


def _taken(ip: str, port: int, key: str) -> bool:
    try:
        family, kind, _, _, address = socket.getaddrinfo(ip, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # As the server does: connections of an earlier server that are still closing are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            return True
        raise DevServerError(f"port {port} of {ip} cannot be used ({exc.strerror}): set server.ip or {key}") from exc
    return False


def _port_help(ip: str, port: int, key: str, who: str) -> str:
    variable = f"PERDURE_{key.upper().replace('.', '__')}"
    return f"port {port} of {ip} is taken: {who}. Stop it, or set {key} ({variable}) to another port"


async def _occupant(address: str) -> str:
    try:
        async with asyncio.timeout(1):
            client = await Client.connect(address)
            system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except (RuntimeError, RPCError, TimeoutError):
        return "another program listens there"
    return (
        f"a Temporal server ({system.server_version}) answers there, perhaps of another project's `perdure dev`; a "
        "worker of the same project can use it as it is (`perdure worker`)"
    )


def _new_log(path: Path) -> BinaryIO:
    """A new log; the last start's, which may tell of a crash, stays beside it."""
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    return writable(path, "wb")


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 8000))
            return log.read().decode(errors="replace").strip().splitlines()[-20:]
    except OSError as exc:
        return [f"(it cannot be read: {exc.strerror})"]
