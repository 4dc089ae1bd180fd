"""The gateway: the API, served on a port of this machine."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager

import uvicorn

from ..contracts.errors import UnavailableError
from ..facade.runs import RunsFacade
from .app import create_app
from .connections import Connection
from .context import Context
from .long_answers import Unburdened
from .mounting import lifespan_of
from .serving import Authenticate, Serving

GRACE = 5.0
"""Seconds for answers that are under way when the gateway stops. Streams are cut off at once."""
_FAREWELL = 2
"""More seconds, in which those that have waited for longer are told that it stops."""
_BACKLOG = 2048


class Gateway:
    """Serves within `async with Gateway(…)`, on a port that is bound when the block begins."""

    def __init__(
        self,
        runs: RunsFacade,
        *,
        host: str,
        port: int,
        authenticate: Authenticate | None = None,
        serving: Serving | None = None,
    ) -> None:
        """`port`: 0 is any that is free. `authenticate`: says who calls, from the headers of each request. `serving`:
        other ways to know that, and all else that can be set. Where nobody is asked, everybody sees everything.

        Raises `ConfigError`.
        """
        serving = serving or Serving(authenticate=authenticate)
        self._custom = serving.app
        self._ending = AsyncExitStack()
        self._context = Context(runs, temporal_ui=serving.temporal_ui)
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None
        config = uvicorn.Config(
            Unburdened(create_app(self._context, serving)),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            http=Connection,
            ws="websockets-sansio",
            ws_max_size=serving.settings.max_body,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=math.ceil(GRACE) + _FAREWELL,
            backlog=_BACKLOG,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def port(self) -> int:
        """On which it listens."""
        return self._port if self._socket is None else int(self._socket.getsockname()[1])

    async def __aenter__(self) -> Gateway:
        """Raises `UnavailableError` when the port cannot be had."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(lifespan_of(self._custom))
            self._socket = _bound(self._host, self._port)
            self._serving = asyncio.create_task(self._server.serve([self._socket]))
            self._ending = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        if self._serving is not None:
            await asyncio.wait({self._serving})
        if self._socket is not None:
            self._socket.close()
        await self._ending.aclose()

    def stop(self) -> None:
        """Take no more requests; streams end without an end, so that their clients go on at another gateway."""
        self._context.close()
        self._server.should_exit = True

    async def wait(self) -> None:
        """Until it was stopped. Raises what has ended it otherwise."""
        if self._serving is not None:
            await asyncio.shield(self._serving)


class _Server(uvicorn.Server):
    """Signals are for whoever runs the gateway; and what is cut off has the time to say so."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cutting = asyncio.get_running_loop().call_later(GRACE, self._cut)
        try:
            await super().shutdown(sockets)
        finally:
            cutting.cancel()

    def _cut(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Its protocol by name: asyncio sets TCP_NODELAY only where that says TCP, and without it a body that follows its
    # headers waits for the client's acknowledgement, 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)  # who comes before it is served waits
    except OSError as exc:
        listening.close()
        raise UnavailableError(
            f"the gateway cannot listen on {host}:{port} ({exc.strerror or exc}); choose another port: --api-port for "
            "`perdure dev`, --port for `perdure serve`, or the setting gateway.port"
        ) from exc
    listening.setblocking(False)
    return listening
