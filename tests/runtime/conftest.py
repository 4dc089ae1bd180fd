from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.servers import local_settings, started

from perdure.runtime.dev_server import DevServer


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevServer]:
    async with started(local_settings(tmp_path_factory.mktemp("server"), db_filename=None)) as server:
        yield server
