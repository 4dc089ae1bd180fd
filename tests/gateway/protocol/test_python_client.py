"""LangGraph's client for Python, unchanged: `client.threads.stream`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.gateways import Client
from support.protocol import new_thread
from support.servers import until

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
