"""A gateway over a worker whose graphs have something for each channel."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from graphs.protocol import protocol_graphs
from support.gateways import Client, Served, served


@pytest.fixture(scope="package")
async def api(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(temporal, tmp_path_factory.mktemp("protocol"), protocol_graphs()) as api:
        yield api


@pytest.fixture(scope="package")
def http(api: Served) -> httpx.AsyncClient:
    return api.http


@pytest.fixture(scope="package")
def client(api: Served) -> Client:
    return api.client
