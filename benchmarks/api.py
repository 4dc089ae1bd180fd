"""A server of LangGraph's API, met over connections that stay open, with as little of a client as can be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from .figures import OURS
from .ours import Ours
from .processes import Child, Meter, child, free_port, script

_START_LIMIT = 60.0
"""Seconds."""
_END = b"\r\n\r\n"
Call = tuple[str, str, object]
"""Method, path, body."""


class Api:
    """One server, and its process."""

    def __init__(self, name: str, url: str, pid: int) -> None:
        self.name = name
        self.url = url
        self.pid = pid
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """What it answers, read as JSON."""
        reader, writer = await self._connect()
        try:
            writer.write(_request(method, path, body))
            return json.loads(await _answer(reader))
        finally:
            writer.close()

    async def rate(self, requests: Sequence[Call], seconds: float, at_once: int) -> tuple[float, float]:
        """How many of these it answers in a second, one after the other on each connection; its CPU for each, in ms."""
        written = [_request(*one) for one in requests]
        until = time.perf_counter() + seconds
        began = time.perf_counter()
        with (meter := Meter({"server": self.pid})):
            answered = await asyncio.gather(*(self._repeat(written, first, until) for first in range(at_once)))
        took, number = time.perf_counter() - began, sum(answered)
        return number / took, 1000 * meter.used["server"] / number

    async def times(self, requests: Sequence[Call], seconds: float) -> list[float]:
        """Seconds that each took, where nobody else asked anything."""
        written = [_request(*one) for one in requests]
        reader, writer = await self._connect()
        found: list[float] = []
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until or not found:
            writer.write(written[len(found) % len(written)])
            await _answer(reader)
            found.append(time.perf_counter() - began)
        writer.close()
        return found

    async def _repeat(self, requests: Sequence[bytes], first: int, until: float) -> int:
        reader, writer = await self._connect()
        number = 0
        while time.perf_counter() < until:
            writer.write(requests[(first + number) % len(requests)])
            await _answer(reader)
            number += 1
        writer.close()
        return number

    async def events(self, method: str, path: str, body: object = None) -> AsyncGenerator[bytes]:
        """The names of the events of a stream, to its end."""
        async for line in self.lines(method, path, body):
            if line.startswith(b"event: "):
                yield line[7:].strip()

    async def lines(
        self, method: str, path: str, body: object = None, is_open: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[bytes]:
        """Those of a stream, to its end; `is_open` is called once it has begun."""
        reader, writer = await self._connect()
        try:
            writer.write(_request(method, path, body))
            head = await reader.readuntil(_END)
            if b" 200 " not in head.partition(b"\r\n")[0]:
                raise RuntimeError(f"{self.name}: {method} {path}: {head!r}")
            is_open()
            while line := await reader.readline():
                if line == b"0\r\n":  # the last chunk
                    return
                yield line
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)


def _request(method: str, path: str, body: object) -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(data)}\r\nContent-Type: application/json"
    return head.encode() + _END + data


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(_END)).lower()
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RuntimeError(f"a call of the benchmark was answered by {head!r}")
    if b"transfer-encoding: chunked" in head:
        return await _chunks(reader)
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while size := int(await reader.readline(), 16):
        found += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return bytes(found)


@asynccontextmanager
async def gateway(ours: Ours, home: Path) -> AsyncGenerator[Api]:
    """`perdure serve`, beside the worker of the installation."""
    port = free_port()
    command = [script("perdure"), "serve", "--config", ours.settings.home / "bench.yaml", "--port", str(port)]
    async with child(command, home / "gateway.log") as server:
        url = f"http://127.0.0.1:{port}"
        await until_up(url, server)
        yield Api(OURS, url, server.pid)


async def until_up(url: str, server: Child) -> None:
    """Until it answers. Raises `RuntimeError` when it has ended, `TimeoutError`."""
    async with asyncio.timeout(_START_LIMIT), httpx.AsyncClient() as client:
        while True:
            server.check()
            try:
                if (await client.get(f"{url}/ok")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
