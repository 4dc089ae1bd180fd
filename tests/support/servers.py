"""Development servers and processes for tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from perdure.contracts.settings import ServerSettings, Settings
from perdure.runtime.temporal_cli import find_temporal_cli
from perdure.testing.environment import free_port, started

__all__ = ["free_port", "local_settings", "running", "started", "state_of", "temporal_command", "until"]


def local_settings(home: Path, **server: object) -> Settings:
    return Settings(home=home, server=ServerSettings.model_validate({"port": free_port(), "ui": False} | server))


def running(pid: int) -> bool:
    """Whether a process executes: an orphan that nobody has reaped yet does not."""
    return state_of(Path(f"/proc/{pid}")) not in "ZX"


def state_of(task: Path) -> str:
    """The letter that Linux has for what a process or a thread does (`man 5 proc`); X for one that is gone."""
    try:
        return task.joinpath("stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


async def until(condition: Callable[[], bool | Awaitable[bool]], limit: float = 30.0) -> None:
    deadline = time.monotonic() + limit
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.01)


async def temporal_command(address: str, *arguments: str) -> str:
    """What the real `temporal workflow …` prints. Raises when it fails."""
    process = await asyncio.create_subprocess_exec(
        await find_temporal_cli(Path("/nonexistent")),
        "workflow",
        *arguments,
        "--address",
        address,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
