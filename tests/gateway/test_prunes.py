"""The history of a thread goes, and the thread goes on."""

from __future__ import annotations

import uuid

import httpx
import pytest
from langgraph_sdk.errors import ConflictError
from support.gateways import Client


async def test_the_newest_state_stays_with_its_question(client: Client, http: httpx.AsyncClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "ask", input={"question": "ok?"})
    before, whole = await client.threads.get_state(thread), await client.threads.get_history(thread)
    oldest = f"/threads/{thread}/state/{whole[-1]['checkpoint_id']}"
    assert (await http.get(oldest)).json()["checkpoint_id"]
    pruned = await client.threads.prune([thread, thread, str(uuid.uuid4())], strategy="keep_latest")
    assert pruned == {"pruned_count": 1}
    assert await client.threads.get_state(thread) == before
    left = await client.threads.get_history(thread)
    assert (len(whole) > 1, [one["checkpoint_id"] for one in left]) == (True, [before["checkpoint_id"]])
    assert (await http.get(oldest)).json()["checkpoint_id"] is None
    assert (await client.runs.wait(thread, "ask", command={"resume": "yes"}))["answer"] == "yes"


async def test_a_thread_without_state_and_one_at_work(client: Client) -> None:
    empty, busy = [(await client.threads.create())["thread_id"] for _ in range(2)]
    assert await client.threads.prune([empty], strategy="keep_latest") == {"pruned_count": 1}
    run = await client.runs.create(busy, "steps", input={"tag": "x", "wait": 30})
    with pytest.raises(ConflictError):
        await client.threads.prune([busy], strategy="keep_latest")
    await client.runs.cancel(busy, run["run_id"], wait=True)
    assert await client.threads.prune([busy], strategy="keep_latest") == {"pruned_count": 1}
