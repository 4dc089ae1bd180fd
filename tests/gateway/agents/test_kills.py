"""A call by any of the protocols is a run: it goes on where it was when its worker is killed."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
from mcp import Client
from support.servers import until
from support.workers import WorkerProcess

import perdure
from perdure import RunStatus, Settings
from perdure.contracts.settings import RunSettings
from perdure.gateway import Gateway

GIVEN = {"tag": "k", "wait": 1.5}
LOG = ["a:k", "b:k", "c:k"]


async def by_mcp(client: Client) -> Any:
    return (await client.call_tool("steps", GIVEN)).structured_content["log"]


async def by_a2a(url: str, http: httpx.AsyncClient) -> Any:
    message = {"messageId": "m", "role": "user", "parts": [{"kind": "data", "data": GIVEN}]}
    body = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
    task = (await http.post(f"{url}/a2a/steps", json=body)).json()["result"]
    return task["artifacts"][0]["parts"][0]["data"]["log"]


async def by_ag_ui(url: str, http: httpx.AsyncClient) -> Any:
    body: dict[str, Any] = {"threadId": str(uuid.uuid4()), "runId": str(uuid.uuid4()), "messages": [], "state": GIVEN}
    told = (await http.post(f"{url}/ag-ui/steps", json=body)).text
    assert told.count("RUN_STARTED") == told.count("RUN_FINISHED") == 1
    return LOG if '"log":["a:k","b:k","c:k"]' in told else told


async def test_calls_survive_their_worker(settings: Settings) -> None:
    settings = settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=2.0)})
    worker = WorkerProcess(settings, {"steps": "api.py:steps"})
    try:
        async with (
            perdure.connect(settings=settings) as runs,
            Gateway(runs, host="127.0.0.1", port=0) as gateway,
            httpx.AsyncClient(timeout=60) as http,
            # Connected before: that takes longer than all else here, and the three runs have to be at work at once.
            Client(f"{gateway.url}/mcp") as mcp,
        ):
            calls = asyncio.gather(by_mcp(mcp), by_a2a(gateway.url, http), by_ag_ui(gateway.url, http))

            async def all_begun() -> bool:
                return len((await runs.page_runs(status=RunStatus.RUNNING)).runs) == 3

            await until(all_begun)
            worker.replace()
            assert await calls == [LOG] * 3
            assert {run.attempt for run in await runs.list_runs()} == {2}
    finally:
        worker.kill()
