"""A gateway that is stopped in good order: the clients of its streams go on at another one."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from support.gateways import Client, Served
from support.proxy import Proxy
from support.servers import until

from perdure.contracts.errors import UnavailableError
from perdure.gateway import Gateway, server


@pytest.mark.filterwarnings("ignore")  # the client says that it tries again
@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
@pytest.mark.parametrize("way", ["stream", "wait"])
async def test_a_client_goes_on_at_another_gateway(api: Served, way: str, on_disconnect: str) -> None:
    async with Gateway(api.env.runs, host="127.0.0.1", port=0) as second:
        first = Gateway(api.env.runs, host="127.0.0.1", port=0)
        await first.__aenter__()
        async with Proxy(first.url.removeprefix("http://")) as proxy:
            client: Client = get_client(url=f"http://{proxy.address}")
            thread = (await client.threads.create())["thread_id"]
            wanted = {"input": {"tag": "t", "wait": 0.5}, "on_disconnect": on_disconnect}

            def stop_the_first(_: Any) -> None:
                proxy.point(second.url.removeprefix("http://"))
                first.stop()

            if way == "wait":
                values = await client.runs.wait(thread, "steps", on_run_created=stop_the_first, **wanted)
                assert values["log"] == ["a:t", "b:t", "c:t"]
            else:
                names: list[str] = []
                async for part in client.runs.stream(thread, "steps", stream_mode="updates", **wanted):
                    names += [*part.data] if part.event == "updates" else []
                    if names == ["a"]:
                        stop_the_first(None)
                assert names == ["a", "b", "c"]
            (run,) = await client.runs.list(thread)
            assert run["status"] == "success"
            await client.aclose()
        await first.__aexit__()


async def test_streams_that_are_left_without_an_end_are_no_fault(api: Served, caplog: pytest.LogCaptureFixture) -> None:
    body = {"assistant_id": "steps", "input": {"tag": "t", "wait": 1}}
    call: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    call["params"] = {"name": "steps", "arguments": {"tag": "t", "wait": 1}, "_meta": {"progressToken": "p"}}
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(api.env.runs, host="127.0.0.1", port=0))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, timeout=20))
        accept = {"Accept": "application/json, text/event-stream"}
        for path, given in (("/runs/stream", body), ("/mcp", call)):
            answer = await stack.enter_async_context(http.stream("POST", path, json=given, headers=accept))
            parts = answer.aiter_bytes()
            await anext(parts)
            gateway.stop()
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in parts:
                    pass
            gateway = await stack.enter_async_context(Gateway(api.env.runs, host="127.0.0.1", port=0))
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, timeout=20))
    assert not [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


async def test_a_body_does_not_wait_for_the_acknowledgement_of_its_headers(api: Served) -> None:
    async def seconds() -> float:
        began = time.perf_counter()
        assert (await api.http.get("/ok")).is_success
        return time.perf_counter() - began

    await seconds()
    assert min([await seconds() for _ in range(20)]) < 0.03  # the kernel delays an acknowledgement by 40 ms


async def test_a_port_that_is_taken_is_said(api: Served) -> None:
    with pytest.raises(UnavailableError, match=rf"127\.0\.0\.1:{api.gateway.port} .*--api-port .*gateway\.port"):
        await Gateway(api.env.runs, host="127.0.0.1", port=api.gateway.port).__aenter__()


WAITING: Mapping[str, tuple[str, dict[str, Any]]] = {
    "the start of a run": ("/threads/{thread}/runs", {"assistant_id": "steps", "input": {"tag": "t"}}),
    "a stream that has not begun": ("/threads/{thread}/runs/stream", {"assistant_id": "steps", "input": {"tag": "t"}}),
    "a wait that has not begun": ("/runs/wait", {"assistant_id": "steps", "input": {"tag": "t"}}),
    "a command": (
        "/threads/{thread}/commands",
        {"id": 1, "method": "run.start", "params": {"assistant_id": "steps", "input": {"tag": "t"}}},
    ),
    "a state that is written": ("/threads/{thread}/state", {"values": {"tag": "x"}}),
    "a search": ("/threads/search", {"limit": 1}),
    "a task of A2A": (
        "/a2a/steps",
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "message/send",
            "params": {"message": {"kind": "message", "messageId": "m", "role": "user", "parts": []}},
        },
    ),
    "a page of AG-UI": (
        "/ag-ui/steps",
        {"threadId": "t", "runId": "r", "state": {}, "messages": [], "tools": [], "context": [], "forwardedProps": {}},
    ),
}


@pytest.fixture
async def stopping(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient, list[str]]]:
    """A gateway whose runs answer nothing, with half a second for what is under way; who waits for what."""
    monkeypatch.setattr(server, "GRACE", 0.5)
    waiting: list[str] = []
    runs: Any = Silent(api.env.runs, waiting)
    async with (
        Gateway(runs, host="127.0.0.1", port=0) as gateway,
        httpx.AsyncClient(base_url=gateway.url, timeout=20) as http,
    ):
        yield gateway, http, waiting


class Silent:
    """The runs, of which nothing is heard any more."""

    def __init__(self, runs: Any, waiting: list[str]) -> None:
        self._runs = runs
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._runs, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def silent(*_: Any, **__: Any) -> Any:
            self._waiting.append(name)
            await asyncio.Event().wait()

        return silent


@pytest.mark.parametrize("what", WAITING)
async def test_who_waits_is_told_that_the_gateway_stops(
    stopping: tuple[Gateway, httpx.AsyncClient, list[str]], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, http, waiting = stopping
    path, body = WAITING[what]
    headers = {"Origin": "http://page", "Accept": "application/json, text/event-stream"}
    asked = asyncio.create_task(http.post(path.format(thread=str(uuid.uuid4())), json=body, headers=headers))
    await until(lambda: bool(waiting))
    gateway.stop()
    answer = await asked
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "stopping" in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert not [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
