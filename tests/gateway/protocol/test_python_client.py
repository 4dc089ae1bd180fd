"""LangGraph's client for Python, unchanged: `client.threads.stream`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from langgraph_sdk import get_client
from support.gateways import Client, Served
from support.protocol import new_thread
from support.proxy import Proxy
from support.servers import until

from perdure.gateway import Gateway

PARIS: Any = {"messages": [{"role": "user", "content": "Paris"}]}


@pytest.fixture(params=["sse", "websocket"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_an_agent(client: Client, transport: str) -> None:
    async with client.threads.stream(new_thread(), assistant_id="agent", transport=transport) as thread:
        await thread.run.start(input=PARIS)
        said = [message async for message in thread.messages]
        values = await thread.output
        assert [await message.text for message in said] == ["", "It is sunny in Paris."]
        (call,) = await said[0].tool_calls
        assert (call["name"], call["args"]) == ("weather", {"city": "Paris"})
        assert [one["type"] for one in values["messages"]] == ["human", "ai", "tool", "ai"]


async def test_a_question(client: Client, transport: str) -> None:
    async with client.threads.stream(new_thread(), assistant_id="ask", transport=transport) as thread:
        await thread.run.start(input={"question": "q"})
        await until(lambda: bool(thread.interrupted))
        assert len(thread.interrupts) == 1
        await thread.run.respond("yes")
        assert (await thread.output)["answer"] == "yes"


async def test_graphs_within(client: Client) -> None:
    async with client.threads.stream(new_thread(), assistant_id="parent") as thread:
        found: list[tuple[str, str]] = []

        async def read() -> None:
            async for one in thread.subgraphs:
                found.append((one.graph_name, one.status))

        await thread.run.start(input={"tag": "p"})
        reading = asyncio.create_task(read())
        await reading
        assert [name for name, _ in found] == ["child"]


async def test_an_error(client: Client) -> None:
    async with client.threads.stream(new_thread(), assistant_id="fails") as thread:
        await thread.run.start(input={})
        with pytest.raises(RuntimeError, match="boom"):
            await thread.output


@pytest.mark.filterwarnings("ignore")  # the client says that it tries again
async def test_it_goes_on_at_another_gateway(api: Served, transport: str) -> None:
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(Gateway(api.env.runs, host="127.0.0.1", port=0)) for _ in range(2)
        ]
        proxy = await stack.enter_async_context(Proxy(f"127.0.0.1:{first.port}"))
        client: Client = get_client(url=f"http://{proxy.address}")
        stack.push_async_callback(client.aclose)
        stream = client.threads.stream(new_thread(), assistant_id="writer", transport=transport)
        thread = await stack.enter_async_context(stream)
        await thread.run.start(input={"words": 40, "pause": 0.03})
        found: list[int] = []
        async for payload in thread.extensions["progress"]:
            found.append(payload["payload"])
            if len(found) == 10:
                proxy.point(f"127.0.0.1:{second.port}")
                first.stop()
        assert found == [*range(40)]
        assert (await thread.output)["answers"] == ["written"]
