"""A connection that breaks: a proxy which lets so many bytes of each connection through, and then closes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def cutting(address: str, after: Callable[[], int]) -> AsyncGenerator[tuple[str, Callable[[], int]]]:
    """The proxy's own `host:port`, and how often it has cut. `after`: bytes of the next connection, both ways."""
    host, _, port = address.rpartition(":")
    cuts = 0
    open_now: set[asyncio.Task[None]] = set()

    async def serve(client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        nonlocal cuts
        server_in, server_out = await asyncio.open_connection(host, port)
        budget = _Budget(after())
        ways = [
            asyncio.create_task(_pass_on(client_in, server_out, budget)),
            asyncio.create_task(_pass_on(server_in, client_out, budget)),
        ]
        open_now.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        cuts += budget.left <= 0
        for way in ways:
            way.cancel()
        open_now.difference_update(ways)
        for writer in (client_out, server_out):
            writer.transport.abort()

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}", lambda: cuts
    finally:
        proxy.close()
        for way in open_now:
            way.cancel()


class _Budget:
    def __init__(self, left: int) -> None:
        self.left = left


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, budget: _Budget) -> None:
    with suppress(ConnectionError):
        while budget.left > 0 and (data := await source.read(1000)):
            target.write(data[: budget.left])
            budget.left -= len(data)
            await target.drain()
