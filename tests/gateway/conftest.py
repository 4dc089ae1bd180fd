"""A gateway over a worker with the graphs of this folder, and the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from support.gateways import Client, Served, served


@pytest.fixture(scope="module")
async def api(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    home: Path = tmp_path_factory.mktemp("gateway")
    async with served(temporal, home) as api:
        yield api


@pytest.fixture(scope="module")
def client(api: Served) -> Client:
    return api.client


@pytest.fixture(scope="module")
def http(api: Served) -> httpx.AsyncClient:
    return api.http
