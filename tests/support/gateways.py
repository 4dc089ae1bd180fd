"""A gateway for tests, and the clients that people have."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
from graphs.api import graphs as api_graphs
from langgraph_sdk import get_client

from perdure import Settings
from perdure.gateway import Gateway
from perdure.testing.environment import Environment, environment

from .forks import Forked
from .servers import free_port, until
from .workers import environment as environment_of

Client = Any
"""LangGraph's. By its types much may be missing that is always there."""


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway, and who speaks to it."""

    env: Environment
    gateway: Gateway
    client: Client
    http: httpx.AsyncClient


class MortalGateway:
    """`perdure serve`, to be killed. It is started at once; `async with` it, it is there, and killed in the end."""

    def __init__(self, settings: Settings, graphs: Mapping[str, str]) -> None:
        self._port = free_port()
        self._log = settings.home / f"gateway-{self._port}.log"
        self._variables = environment_of(settings, graphs)
        self.address = f"127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """On the same port each time."""
        command = ["perdure", "serve", "--port", str(self._port)]
        with self._log.open("ab") as log:
            self._process = Forked(command, env=self._variables, output=log.fileno(), errors=log.fileno())

    async def is_there(self) -> bool:
        """Whether it answers."""
        try:
            async with httpx.AsyncClient() as http:
                return (await http.get(f"http://{self.address}/ok")).is_success
        except httpx.TransportError:
            return False

    async def __aenter__(self) -> Self:
        try:
            await until(self.is_there)
        except BaseException:
            self.kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """`kill -9`, at once."""
        self._process.kill()
        self._process.wait()


@asynccontextmanager
async def served(
    address: str, home: Path, graphs: Mapping[str, Any] | None = None, **settings: Any
) -> AsyncGenerator[Served]:
    """Of a worker with these graphs, by default those of `graphs.api`."""
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(
            environment(graphs or api_graphs(), address=address, home=home, **settings)
        )
        gateway = await stack.enter_async_context(Gateway(env.runs, host="127.0.0.1", port=0))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, timeout=30))
        client = get_client(url=gateway.url)
        stack.push_async_callback(client.aclose)
        yield Served(env, gateway, client, http)


async def events(parts: Any) -> list[tuple[str, Any]]:
    """All of a stream of the client: names and data."""
    return [(part.event, part.data) async for part in parts]


async def frames(http: httpx.AsyncClient, path: str, headers: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The fields of each server-sent event of a stream that ends."""
    answer = await http.get(path, headers=headers or {})
    assert answer.status_code == 200, answer.text
    return [fields(block) for block in answer.text.split("\r\n\r\n") if block and not block.startswith(":")]


def fields(block: str) -> dict[str, str]:
    """Of one server-sent event."""
    return dict(line.split(": ", 1) for line in block.split("\r\n"))
