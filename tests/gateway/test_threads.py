"""Threads, by the client of LangGraph."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from langgraph_sdk.errors import ConflictError, NotFoundError
from support.gateways import Client


async def test_a_thread_is_created_looked_at_changed_and_removed(client: Client) -> None:
    thread = await client.threads.create(metadata={"a": 1}, graph_id="steps")
    assert thread["status"] == "idle"
    assert thread["values"] is None
    assert thread["metadata"]["graph_id"] == "steps"
    assert "interrupts" not in thread, "it never ran"
    id = thread["thread_id"]
    assert uuid.UUID(id).version == 7
    changed = await client.threads.update(id, metadata={"b": None, "a": 2})
    assert changed is not None
    assert (changed["metadata"]["a"], changed["metadata"]["b"]) == (2, None)
    assert (await client.threads.get(id))["metadata"] == changed["metadata"]
    await client.threads.delete(id)
    with pytest.raises(NotFoundError):
        await client.threads.get(id)


async def test_a_thread_that_is_there(client: Client) -> None:
    id = str(uuid.uuid4())
    await client.threads.create(thread_id=id, metadata={"a": 1})
    with pytest.raises(ConflictError, match=f"Thread with ID {id} already exists"):
        await client.threads.create(thread_id=id)
    again = await client.threads.create(thread_id=id, metadata={"a": 2}, if_exists="do_nothing")
    assert again["metadata"] == {"a": 1}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", "/threads/nope", None, 422, "Invalid thread ID: must be a UUID"),
        ("GET", f"/threads/{uuid.UUID(int=1)}", None, 404, f"Thread with ID {uuid.UUID(int=1)} not found"),
        ("PATCH", f"/threads/{uuid.UUID(int=1)}", {}, 404, "not found"),
        ("DELETE", f"/threads/{uuid.UUID(int=1)}", None, 404, "not found"),
        ("POST", "/threads", {"thread_id": "x"}, 422, "thread_id: Invalid thread ID"),
        ("POST", "/threads", {"if_exists": "maybe"}, 422, "if_exists"),
        ("POST", "/threads", {"ttl": {"ttl": 1}}, 422, "ttl"),
        ("POST", "/threads", {"supersteps": [{"updates": [{"as_node": "a"}]}]}, 422, "metadata.graph_id"),
        ("POST", "/threads/search", {"limit": 0}, 422, "limit"),
        ("POST", "/threads/search", {"limit": 1001}, 422, "limit"),
        ("POST", "/threads/search", {"sort_by": "mood"}, 422, "sort_by"),
        ("POST", "/threads/search", {"metadata": {"a": ["list"]}}, 422, "metadata.a"),
        ("GET", "/threads", None, 405, "Method Not Allowed"),
        ("GET", "/nowhere", None, 404, "Not Found"),
    ],
)
async def test_what_is_wrong_is_said(
    http: httpx.AsyncClient, method: str, path: str, body: Any, status: int, detail: str
) -> None:
    answer = await http.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1"])
async def test_what_is_no_json_is_said(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.post("/threads", content=content)
    assert (answer.status_code, answer.json()["detail"]) == (422, "Invalid JSON in request body")


async def test_any_content_type_and_unknown_keys_are_taken(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/threads", content=b'{"metadata": null, "from": "later"}', headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 200


async def test_threads_are_found(client: Client, http: httpx.AsyncClient) -> None:
    mark = str(uuid.uuid4())
    made = [await client.threads.create(metadata={"mark": mark, "n": n, "deep": {"n": n}}) for n in range(3)]
    ids = [thread["thread_id"] for thread in made]

    async def found(**wanted: Any) -> list[str]:
        rows = await client.threads.search(metadata={"mark": mark, **wanted.pop("metadata", {})}, **wanted)
        return [row["thread_id"] for row in rows]

    assert await found() == ids[::-1], "the newest first"
    assert await found(sort_by="created_at", sort_order="asc") == ids
    assert await found(sort_by="thread_id", sort_order="asc") == sorted(ids)
    assert await found(metadata={"deep": {"n": 1}}) == [ids[1]]
    assert await found(ids=ids[:1]) == ids[:1]
    assert await found(status="busy") == []
    assert await found(limit=1, offset=1) == [ids[1]]
    assert await client.threads.count(metadata={"mark": mark}) == 3
    page = await http.post("/threads/search", json={"metadata": {"mark": mark}, "limit": 2})
    assert (page.headers["x-pagination-total"], page.headers["x-pagination-next"]) == ("3", "2")
    last = await http.post("/threads/search", json={"metadata": {"mark": mark}, "limit": 2, "offset": 2})
    assert last.headers["x-pagination-total"] == "3"
    assert "x-pagination-next" not in last.headers


async def test_threads_are_found_by_their_values(client: Client) -> None:
    tag = str(uuid.uuid4())
    await client.threads.create()  # which has none
    thread = await client.threads.create()
    await client.runs.wait(thread["thread_id"], "steps", input={"tag": tag})
    (row,) = await client.threads.search(
        values={"tag": tag}, select=["thread_id", "values"], extract={"first": "values.log[0]", "none": "values.x.y"}
    )
    assert row["thread_id"] == thread["thread_id"]
    assert row["values"]["tag"] == tag
    assert row["extracted"] == {"first": f"a:{tag}", "none": None}
    assert "metadata" not in row
    assert await client.threads.count(values={"tag": tag}) == 1


async def test_a_history_to_begin_with(client: Client) -> None:
    thread = await client.threads.create(
        graph_id="steps",
        supersteps=[
            {"updates": [{"values": {"tag": "s"}, "as_node": "__start__"}]},
            {"updates": [{"values": {"log": ["given"]}, "as_node": "a"}]},
        ],
    )
    assert thread["status"] == "interrupted", "there is more to do"
    state = await client.threads.get_state(thread["thread_id"])
    assert state["next"] == ["b"]
    done = await client.runs.wait(thread["thread_id"], "steps")
    assert done["log"] == ["given", "b:s", "c:s"]
