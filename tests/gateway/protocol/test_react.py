"""`@langchain/react` in jsdom, as it comes from npm, against `perdure serve` as a process, and a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from graphs.protocol import protocol_graphs
from support.gateways import MortalGateway
from support.javascript import LIMIT, told
from support.workers import WorkerProcess

from perdure import Settings
from perdure.contracts.settings import RunSettings
from perdure.testing.environment import environment

SCENARIOS = ("talking,tools,asked,asked_twice,failing,stopping", "on_a_socket,client")
"""One process of node for all of them: it takes a second to start."""
GRAPHS = {"talk": "pausing.py:pausing"}


@pytest.fixture(scope="module")
async def gateway(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MortalGateway]:
    async with (
        environment(protocol_graphs(), address=temporal, home=tmp_path_factory.mktemp("react")) as env,
        MortalGateway(env.settings, {"steps": "api.py:steps"}) as gateway,
    ):
        yield gateway


@pytest.mark.timeout(LIMIT + 60)
@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_scenario(gateway: MortalGateway, tmp_path: Path, name: str) -> None:
    assert [one async for one in told("react.mjs", name, f"http://{gateway.address}", tmp_path)] == ["done"]


@pytest.fixture
async def mortals(settings: Settings) -> AsyncIterator[tuple[WorkerProcess, MortalGateway]]:
    settings = settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0)})
    worker = WorkerProcess(settings, GRAPHS)
    try:
        async with MortalGateway(settings, GRAPHS) as gateway:
            yield worker, gateway
    finally:
        worker.kill()


@pytest.mark.timeout(LIMIT + 60)
async def test_all_is_killed_meanwhile(mortals: tuple[WorkerProcess, MortalGateway], tmp_path: Path) -> None:
    last = None
    async for last in told("react.mjs", "through_it_all", f"http://{mortals[1].address}", tmp_path):
        if last == "kill":
            for process in mortals:
                await asyncio.to_thread(process.kill)
                process.start()
    assert last == "done"
