"""`/mcp`, by the protocol's own client, in both of its eras."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent
from support.gateways import Served
from support.servers import until

from perdure import RunStatus

ERAS = ("2025-11-25", "2026-07-28")


@asynccontextmanager
async def client_of(api: Served, era: str = "auto", **more: Any) -> AsyncGenerator[Client]:
    async with Client(f"{api.gateway.url}/mcp", mode=era, **more) as client:
        yield client


@pytest.fixture(params=["legacy", "2026-07-28"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_each_assistant_is_a_tool_with_its_schemas(api: Served, era: str) -> None:
    made = await api.client.assistants.create("steps", name="My Steps!", description="Three of them")
    async with client_of(api, era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {"steps", "ask", "chat", "fails"} <= tools.keys()
    assert tools["steps"].input_schema["properties"]["tag"]["type"] == "string"
    assert tools["steps"].output_schema == {
        "type": "object",
        "properties": {
            "tag": {"title": "Tag", "type": ["string", "null"]},
            "wait": {"title": "Wait", "type": ["number", "null"]},
            "log": {"title": "Log", "type": ["array", "null"]},
        },
    }
    own = tools[f"My_Steps_-{made['assistant_id']}"]
    assert (own.title, own.description) == ("My Steps!", "Three of them")
    chat = tools["chat"].input_schema
    assert set(chat["properties"]["messages"]["items"]["properties"]) == {"role", "content"}
    assert "$defs" not in chat
    await api.client.assistants.delete(made["assistant_id"])


def text_in(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


async def test_a_call_is_a_run(api: Served, era: str) -> None:
    told: list[tuple[float, str | None]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message))

    async with client_of(api, era) as client:
        result = await client.call_tool("steps", {"tag": "m"}, progress_callback=report)
        assert not result.is_error
        values = {"tag": "m", "log": ["a:m", "b:m", "c:m"]}
        assert (result.structured_content, json.loads(text_in(result))) == (values, values)
        assert told == [(1, "a"), (2, "b"), (3, "c")]
        said = await client.call_tool("chat", {"messages": [{"role": "user", "content": "weather?"}]})
        assert said.structured_content["messages"][-1]["content"] == "It is sunny today."
        failed = await client.call_tool("fails", {})
        assert (failed.is_error, text_in(failed)) == (True, "ValueError: boom")
        with pytest.raises(MCPError, match="Unknown tool: nothing"):
            await client.call_tool("nothing", {})


async def test_an_assistant_of_ones_own_is_called_with_its_context(api: Served) -> None:
    made = await api.client.assistants.create("steps", name="own", metadata={"team": "mcp"})
    async with client_of(api) as client:
        await client.call_tool(f"own-{made['assistant_id']}", {"tag": "o"})
    newest = (await api.env.runs.list_runs(limit=1))[0]
    assert (newest.assistant_id, newest.metadata["team"]) == ("steps", "mcp")


async def test_who_cancels_a_call_cancels_its_run(api: Served, era: str) -> None:
    async with client_of(api, era) as client:
        call = asyncio.create_task(client.call_tool("steps", {"wait": 30.0, "tag": f"cancelled {era}"}))
        run_id = await running(api)
        call.cancel()

        async def stopped() -> bool:
            run = await api.env.runs.get_run(run_id)
            return run is not None and run.status is RunStatus.INTERRUPTED

        await until(stopped)


async def running(api: Served) -> str:
    found: list[str] = []

    async def there() -> bool:
        found[:] = [run.run_id for run in (await api.env.runs.page_runs(status=RunStatus.RUNNING)).runs]
        return bool(found)

    await until(there)
    return found[0]


async def test_a_call_that_is_sent_twice_is_one_run(api: Served) -> None:
    headers = {"accept": "application/json, text/event-stream", "mcp-session-id": "s-1"}
    params = {"name": "steps", "arguments": {"tag": "twice"}}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    before = len(await api.env.runs.list_runs(limit=1000))
    first, second = [await api.http.post("/mcp", json=message, headers=headers) for _ in range(2)]
    assert result_in(first) == result_in(second)
    assert result_in(first)["structuredContent"]["tag"] == "twice"
    assert len(await api.env.runs.list_runs(limit=1000)) == before + 1


def result_in(answer: httpx.Response) -> Any:
    return json.loads(next(line for line in answer.text.splitlines() if line.startswith("data: {"))[6:])["result"]


async def test_a_question_is_put_to_the_client(api: Served) -> None:
    asked: list[str] = []

    async def elicited(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"answer": '{"approved": true}'})

    async with client_of(api, "2026-07-28", elicitation_callback=elicited) as client:
        result = await client.call_tool("ask", {"question": "really?"})
    assert asked == ["really?"]
    assert result.structured_content == {"question": "really?", "answer": {"approved": True}}


async def test_a_question_that_is_declined_ends_the_run(api: Served) -> None:
    async def elicited(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="decline")

    async with client_of(api, "2026-07-28", elicitation_callback=elicited) as client:
        result = await client.call_tool("ask", {"question": "declined?"})
    assert result.is_error
    newest = (await api.env.runs.list_runs(limit=1))[0]
    await until(lambda: ended(api, newest.run_id))


async def ended(api: Served, run_id: str) -> bool:
    run = await api.env.runs.get_run(run_id)
    return run is not None and run.status is RunStatus.INTERRUPTED


async def test_who_cannot_be_asked_is_told_the_question(api: Served, era: str) -> None:
    async with client_of(api, era) as client:
        result = await client.call_tool("ask", {"question": "who?"})
    assert result.is_error
    assert "who?" in text_in(result)


async def test_only_messages_are_posted(api: Served) -> None:
    accept = {"accept": "application/json, text/event-stream"}
    assert (await api.http.get("/mcp")).status_code == 405
    assert (await api.http.delete("/mcp")).status_code == 405
    broken = await api.http.post("/mcp", content=b"{", headers=accept)
    assert broken.json()["error"]["code"] == -32700
