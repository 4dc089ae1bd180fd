from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from perdure.contracts.settings import ServerSettings, Settings
from perdure.runtime.dev_server import DevServer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def local_settings(home: Path, **server: object) -> Settings:
    return Settings(home=home, server=ServerSettings.model_validate({"port": free_port(), "ui": False} | server))


def running(pid: int) -> bool:
    """Whether a process executes: an orphan that nobody has reaped yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


async def until(condition: Callable[[], bool | Awaitable[bool]], limit: float = 30.0) -> None:
    deadline = time.monotonic() + limit
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def started(settings: Settings) -> AsyncGenerator[DevServer]:
    """A server for a test about something else than its stop, which takes a second when it is polite."""
    server = DevServer(settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(limit=0)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell says about Temporal is no part of a test."""
    for name in os.environ:
        if name.startswith(("TEMPORAL_", "PERDURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/nonexistent/temporal.toml")


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevServer]:
    async with started(local_settings(tmp_path_factory.mktemp("server"), db_filename=None)) as server:
        yield server
