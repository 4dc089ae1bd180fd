"""Assistants, what the server says of itself, and its description."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from support.gateways import Client

STEPS = str(uuid.uuid5(uuid.NAMESPACE_DNS, "steps"))


async def test_each_graph_is_an_assistant(client: Client, http: httpx.AsyncClient) -> None:
    found = await client.assistants.search(limit=100)
    assert [one["graph_id"] for one in found] == ["ask", "chat", "custom", "fails", "parent", "steps", "who"]
    (steps,) = await client.assistants.search(graph_id="steps")
    assert steps["assistant_id"] == STEPS
    assert (steps["name"], steps["version"], steps["metadata"]) == ("steps", 1, {"created_by": "system"})
    assert await client.assistants.get(STEPS) == steps
    assert await client.assistants.count(name="STE") == 1
    page = await http.post(
        "/assistants/search", json={"limit": 2, "offset": 1, "sort_by": "name", "sort_order": "desc"}
    )
    assert [row["name"] for row in page.json()] == ["steps", "parent"]
    assert (page.headers["x-pagination-total"], page.headers["x-pagination-next"]) == ("7", "3")


@pytest.mark.parametrize("assistant", ["parent", str(uuid.uuid5(uuid.NAMESPACE_DNS, "parent"))])
async def test_how_a_graph_is_made(client: Client, assistant: str) -> None:
    graph = await client.assistants.get_graph(assistant)
    assert {node["id"] for node in graph["nodes"]} == {"__start__", "child", "__end__"}
    deep = await client.assistants.get_graph(assistant, xray=True)
    assert {node["id"] for node in deep["nodes"]} == {"__start__", "child:a", "child:b", "child:c", "__end__"}
    schemas = await client.assistants.get_schemas(assistant)
    assert schemas["graph_id"] == "parent"
    assert {*schemas["input_schema"]["properties"]} == {"tag", "wait", "log"}
    assert {*schemas["state_schema"]["properties"]} == {"tag", "wait", "log"}
    below = await client.assistants.get_subgraphs(assistant)
    assert {*below["child"]["context_schema"]["properties"]} == {"tone"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/assistants/steps", None, 422),
        ("GET", f"/assistants/{uuid.UUID(int=1)}", None, 404),
        ("GET", "/assistants/nope/graph", None, 422),
        ("GET", "/assistants/steps/graph?xray=0", None, 422),
        ("GET", f"/assistants/steps/graph?xray={'9' * 5000}", None, 422),
        ("POST", "/assistants/search", {"graph_id": "nope"}, 404),
    ],
)
async def test_what_is_wrong_is_said(http: httpx.AsyncClient, method: str, path: str, body: Any, status: int) -> None:
    answer = await http.request(method, path, json=body)
    assert (answer.status_code, [*answer.json()]) == (status, ["detail"]), answer.text


async def test_an_assistant_runs_by_its_id(client: Client) -> None:
    assert (await client.runs.wait(None, STEPS, input={"tag": "id"}))["log"] == ["a:id", "b:id", "c:id"]


async def test_what_the_server_says_of_itself(http: httpx.AsyncClient) -> None:
    for path in ("/", "/ok", "/ok?check_db=1"):
        assert (await http.get(path)).json() == {"ok": True, "services": {}}
    info = (await http.get("/info")).json()
    assert info["flags"]["assistants"] is True
    assert info["langgraph_py_version"]
    assert (await http.get("/docs")).headers["content-type"].startswith("text/html")
    described = (await http.get("/openapi.json")).json()["paths"]
    assert {"/threads/{thread_id}/runs/stream", "/assistants/search", "/threads/{thread_id}/state"} <= {*described}
    body = described["/threads/{thread_id}/runs/stream"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"]["$ref"].endswith("/RunCreate")


async def test_pages_of_any_origin_may_call(http: httpx.AsyncClient) -> None:
    headers = {"Origin": "https://app.test", "Access-Control-Request-Method": "POST"}
    asked = await http.options("/threads", headers={**headers, "Access-Control-Request-Private-Network": "true"})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-private-network"] == "true"
    answer = await http.get("/ok", headers={"Origin": "https://app.test"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "content-location" in answer.headers["access-control-expose-headers"]


async def test_a_remote_graph(client: Client) -> None:
    remote = RemoteGraph("steps", client=client)
    assert (await remote.ainvoke({"tag": "r"}))["log"] == ["a:r", "b:r", "c:r"]
    thread = (await client.threads.create())["thread_id"]
    config: Any = {"configurable": {"thread_id": thread}}
    chunks = [chunk async for chunk in remote.astream({"tag": "s"}, config, stream_mode="updates")]
    assert [*chunks[0]] == ["a"]
    state = await remote.aget_state(config)
    assert (state.values["tag"], state.next) == ("s", ())
    drawn = await remote.aget_graph()
    assert {*drawn.nodes} == {"__start__", "a", "b", "c", "__end__"}
