"""LangGraph's clients for JavaScript, against `perdure serve` as a process, and a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from graphs.talk import talking
from support.gateways import MortalGateway
from support.javascript import LIMIT, told

from perdure.testing.environment import environment

CLIENTS = (
    "threads",
    "agent_chat_ui",
    "deer_flow",
    "modes",
    "joining",
    "reconnecting",
    "questions",
    "assistants",
    "crons",
    "store",
    "remote_graph",
)
PAGES = ("talking", "asked", "coming_back", "stopping", "editing")
AGENTS = ("ag_ui", "ag_ui_over_a_kill", "mcp")
SCENARIOS = [
    *(("clients.mjs", name) for name in CLIENTS),
    *(("page.mjs", name) for name in PAGES),
    *(("agents.mjs", name) for name in AGENTS),
    ("example.mjs", "example"),
]


@pytest.fixture(scope="module")
async def gateway(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MortalGateway]:
    async with (
        environment(talking(), address=temporal, home=tmp_path_factory.mktemp("javascript")) as env,
        MortalGateway(env.settings, {"steps": "api.py:steps"}) as gateway,
    ):
        yield gateway


@pytest.mark.timeout(LIMIT + 60)
@pytest.mark.parametrize(("script", "name"), SCENARIOS, ids=[name for _, name in SCENARIOS])
async def test_a_scenario(gateway: MortalGateway, tmp_path: Path, script: str, name: str) -> None:
    last = None
    async for last in told(script, name, f"http://{gateway.address}", tmp_path):
        if last == "kill":
            await asyncio.to_thread(gateway.kill)
            gateway.start()
    assert last == "done"
