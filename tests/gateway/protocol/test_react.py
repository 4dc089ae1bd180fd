"""`@langchain/react` in jsdom, as it comes from npm, against `perdure serve` as a process, and a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from graphs.protocol import protocol_graphs
from support.gateways import MortalGateway
from support.javascript import LIMIT, told
from support.servers import until

from perdure.testing.environment import environment

SCENARIOS = (
    *("talking", "on_a_socket", "tools", "asked", "asked_twice", "failing", "stopping"),
    "through_it_all",
)


@pytest.fixture(scope="module")
async def gateway(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MortalGateway]:
    async with environment(protocol_graphs(), address=temporal, home=tmp_path_factory.mktemp("react")) as env:
        gateway = MortalGateway(env.settings, {"steps": "api.py:steps"})
        try:
            await until(gateway.is_there)
            yield gateway
        finally:
            gateway.kill()


@pytest.mark.timeout(LIMIT + 60)
@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_scenario(gateway: MortalGateway, tmp_path: Path, name: str) -> None:
    last = None
    async for last in told("react.mjs", name, f"http://{gateway.address}", tmp_path):
        if last == "kill":
            await asyncio.to_thread(gateway.kill)
            gateway.start()
    assert last == "done"
