"""A development server of Temporal, for the findings that need one."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client


@asynccontextmanager
async def temporal_server() -> AsyncGenerator[Client]:
    """A client of one that lasts for the block: the `temporal` of this environment, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ("server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--headless")
    server = await asyncio.create_subprocess_exec(
        Path(sys.prefix) / "bin" / "temporal", *command, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield await _connected(port)
    finally:
        server.terminate()
        await server.wait()


async def _connected(port: int) -> Client:
    for _ in range(200):
        try:
            return await Client.connect(f"127.0.0.1:{port}")
        except RuntimeError:
            await asyncio.sleep(0.1)
    raise RuntimeError("no server")
