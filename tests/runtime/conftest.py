from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from support.servers import local_settings, started
from temporalio.client import Client

from perdure import Settings
from perdure.runtime.dev_server import DevServer

from .house import House, client_of_a_server_that_went_away, open_house


@pytest.fixture(scope="session")
async def server(needs_server: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevServer]:
    async with started(local_settings(tmp_path_factory.mktemp("server"), db_filename=None)) as server:
        yield server


@pytest.fixture
async def house(settings: Settings) -> AsyncGenerator[House]:
    async with open_house(settings) as house:
        yield house


@pytest.fixture
async def away(temporal: str) -> Client:
    return await client_of_a_server_that_went_away(temporal)
