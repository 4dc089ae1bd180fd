"""HTTP for probes: whether a worker lives, and whether it serves.

Two paths without parameters or bodies, for one program that asks every few seconds. A web server (its extra, its
signal handlers, its log) would be more than there is to do, so the few lines of HTTP that probes speak are here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from temporalio.client import Client
from temporalio.service import RPCError

from ..contracts.errors import ConfigError
from ..contracts.serialization.text import message_of
from ..contracts.worker_settings import HealthSettings, split_address

_PROBE = 2.0
"""Seconds for Temporal to answer while a probe waits."""
_PATIENCE = 5.0
"""Seconds for a request to come, and for its answer to go."""
_REQUEST = re.compile(rb"(GET|HEAD) (/[^ ?]*)(?:\?[^ ]*)? HTTP/1\.[01]\r\n")


class Readiness:
    """Of a worker, which says how far it is. `over`: it stops, or has failed."""

    def __init__(self, over: asyncio.Event) -> None:
        self._over = over
        self.client: Client | None = None
        """Once it has connected, which it does when its graphs are loaded."""
        self.serves = False

    async def problem(self) -> str | None:
        """Why it does not serve; `None`: it does."""
        if self._over.is_set():
            return "draining: it stops, and its runs go on elsewhere"
        if self.client is None:
            return "starting: it loads its graphs and connects to Temporal"
        if not self.serves:
            return "starting: it opens its stores"
        try:
            async with asyncio.timeout(_PROBE):
                await self.client.service_client.check_health()
        except (RPCError, TimeoutError) as exc:
            return f"Temporal does not answer: {message_of(exc)}"
        return None


@asynccontextmanager
async def serving_health(settings: HealthSettings, readiness: Readiness) -> AsyncGenerator[None]:
    """Answer within the block, where the settings want it. Raises `ConfigError` for an address that is taken."""
    if settings.address is None:
        yield
        return
    host, port = split_address(settings.address)
    probed = _Probed(readiness)
    try:
        server = await asyncio.start_server(probed.answer, host or None, port)
    except OSError as exc:
        raise ConfigError(f"worker.health.address: {settings.address} cannot be used: {exc.strerror or exc}") from exc
    try:
        yield
    finally:
        server.close()
        probed.close()


class _Probed:
    """Answers one request a connection."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness
        self._open: set[asyncio.StreamWriter] = set()

    def close(self) -> None:
        """End what is still open."""
        for writer in self._open:
            writer.transport.abort()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Never raises: what is no request, or comes too slowly, is hung up."""
        self._open.add(writer)
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(_PATIENCE):
                    writer.write(await self._answer_to(await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer_to(self, request: bytes) -> bytes:
        found = _REQUEST.match(request)
        if found is None:
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered")
        status, told = await self._look(found[2].decode("latin-1"))
        return _response(status, told, with_body=found[1] == b"GET")

    async def _look(self, path: str) -> tuple[HTTPStatus, str]:
        if path == "/healthz":
            return HTTPStatus.OK, "alive"
        if path != "/readyz":
            return HTTPStatus.NOT_FOUND, "there are /healthz and /readyz"
        problem = await self._readiness.problem()
        return (HTTPStatus.OK, "serving") if problem is None else (HTTPStatus.SERVICE_UNAVAILABLE, problem)


def _response(status: HTTPStatus, told: str, *, with_body: bool = True) -> bytes:
    body = f"{told}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")
