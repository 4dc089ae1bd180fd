"""A client of LangGraph follows a run while its gateway is killed, and then its worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from langgraph_sdk import get_client
from support.gateways import Client, MortalGateway
from support.proxy import Proxy
from support.servers import until
from support.workers import WorkerProcess

from perdure import Settings
from perdure.contracts.settings import RunSettings

GRAPHS = {"steps": "api.py:steps"}


@pytest.fixture
async def processes(settings: Settings) -> AsyncGenerator[tuple[WorkerProcess, list[MortalGateway]]]:
    settings = settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0)})
    worker, gateways = WorkerProcess(settings, GRAPHS), [MortalGateway(settings, GRAPHS) for _ in range(2)]
    try:
        for gateway in gateways:
            await until(gateway.is_there)
        yield worker, gateways
    finally:
        for process in (worker, *gateways):
            process.kill()


@pytest.mark.filterwarnings("ignore")  # the client says that it tries again
@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
async def test_a_stream_goes_on(processes: tuple[WorkerProcess, list[MortalGateway]], on_disconnect: str) -> None:
    worker, (first, second) = processes
    async with Proxy(first.address) as proxy:
        client: Client = get_client(url=f"http://{proxy.address}")
        found: list[tuple[str, Any]] = []
        thread = (await client.threads.create())["thread_id"]
        wanted = {"input": {"tag": "t", "wait": 1.0}, "stream_mode": "updates", "on_disconnect": on_disconnect}
        async for part in client.runs.stream(thread, "steps", **wanted):
            found.append((part.event, part.data))
            if part.event == "updates" and "a" in part.data:
                first.kill()
                proxy.point(second.address)
            if part.event == "updates" and "b" in part.data:
                await asyncio.to_thread(worker.kill)
                worker.start()
        run = found[0][1]["run_id"]
        assert found == [
            ("metadata", {"run_id": run, "attempt": 1}),
            ("updates", {"a": {"log": ["a:t"]}}),
            ("updates", {"b": {"log": ["b:t"]}}),
            ("metadata", {"run_id": run, "attempt": 2}),
            ("updates", {"c": {"log": ["c:t"]}}),
        ]
        assert (await client.runs.get(thread, run))["status"] == "success"
        await client.aclose()
