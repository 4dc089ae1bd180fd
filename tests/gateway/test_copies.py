"""A copy of a thread, by the client of LangGraph, in each back end."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from langgraph_sdk.errors import NotFoundError
from support.gateways import Client, Served

from perdure import bind_actor


async def asked(client: Client) -> str:
    thread = (await client.threads.create(metadata={"of": "ann"}))["thread_id"]
    await client.runs.wait(thread, "ask", input={"question": "ok?"})
    return thread


async def copied(http: httpx.AsyncClient, thread: str) -> dict[str, Any]:
    answer = await http.post(f"/threads/{thread}/copy")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_copy_has_the_history_and_goes_on_by_itself(client: Client, http: httpx.AsyncClient) -> None:
    thread = await asked(client)
    copy = await copied(http, thread)
    assert (copy["status"], copy["metadata"]) == ("interrupted", (await client.threads.get(thread))["metadata"])
    assert copy["values"] == {"question": "ok?"}
    assert await client.runs.list(copy["thread_id"]) == []
    theirs, ours = [await client.threads.get_history(one) for one in (thread, copy["thread_id"])]
    assert [one["checkpoint_id"] for one in ours] == [one["checkpoint_id"] for one in theirs]
    assert {one["checkpoint"]["thread_id"] for one in ours} == {copy["thread_id"]}
    assert {one["metadata"]["thread_id"] for one in ours} == {copy["thread_id"]}
    answered = await client.runs.wait(copy["thread_id"], "ask", command={"resume": "yes"})
    assert answered["answer"] == "yes"
    assert (await client.threads.get(thread))["status"] == "interrupted"
    await client.threads.delete(thread)
    assert (await client.threads.get_state(copy["thread_id"]))["values"]["answer"] == "yes"


async def test_what_has_never_run_is_copied_as_it_is(client: Client, http: httpx.AsyncClient) -> None:
    thread = (await client.threads.create(metadata={"only": 1}))["thread_id"]
    copy = await copied(http, thread)
    assert (copy["metadata"], copy["status"], copy["values"]) == ({"only": 1}, "idle", None)


async def test_a_failure_is_copied_too(client: Client, http: httpx.AsyncClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "fails", input={"tag": "x"}, raise_error=False)
    copy = await copied(http, thread)
    assert (copy["status"], copy["error"]) == ("error", {"error": "ValueError", "message": "boom"})


async def test_a_copy_is_the_callers(api: Served, client: Client) -> None:
    runs = api.env.runs
    with bind_actor("ann"):
        thread = (await runs.create_thread(metadata={"of": "ann"}, assistant_id="steps")).thread_id
        await runs.update_state(thread, {"tag": "t"}, as_node="a")
        copy = await runs.copy_thread(thread)
        assert (copy.user_id, copy.values["tag"]) == ("ann", "t")
    with bind_actor("bob"), pytest.raises(LookupError):
        await runs.copy_thread(thread)
    with pytest.raises(NotFoundError):
        await client.threads.copy(str(uuid.UUID(int=1)))
