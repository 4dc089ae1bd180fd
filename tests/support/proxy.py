"""A connection that can be cut: what becomes of a machine that is frozen, or that the network has lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from .servers import free_port


class Proxy:
    """Forwards TCP connections: `async with Proxy("127.0.0.1:7233") as proxy: connect(proxy.address)`."""

    def __init__(self, target: str) -> None:
        self._host, _, self._port = target.rpartition(":")
        self._own_port = free_port()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.address = f"127.0.0.1:{self._own_port}"
        self.cut_at: bytes | None = None
        """The next answer that has this in it is lost, with its connection."""
        self.drops: bytes | None = None
        """What the far side says with this in it does not arrive."""

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cut()

    def point(self, target: str) -> None:
        """From now on new connections go there."""
        self._host, _, self._port = target.rpartition(":")

    def cut(self) -> None:
        """End every connection, and take no new ones until `mend`."""
        if self._server is not None:
            self._server.close()
        for end in self._ends:
            end.transport.abort()

    async def mend(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._own_port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, int(self._port))
        except OSError:
            writer.close()
            return
        self._ends |= {writer, far_writer}
        try:
            await asyncio.gather(_forward(reader, far_writer), _forward(far_reader, writer, self._passes))
        finally:
            self._ends -= {writer, far_writer}

    def _passes(self, data: bytes) -> bool:
        """Whether it is passed on. Raises `OSError` to cut the connection."""
        if self.cut_at is not None and self.cut_at in data:
            self.cut_at = None
            raise ConnectionResetError
        return self.drops is None or self.drops not in data


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[bytes], bool] = lambda _: True
) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            if passes(data):
                writer.write(data)
                await writer.drain()
    writer.close()
