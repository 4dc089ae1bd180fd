"""Runs, by the client of LangGraph."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from langgraph_sdk.errors import APIStatusError, NotFoundError
from support.gateways import Client
from support.servers import until

SLOW = {"wait": 0.3, "tag": "s"}


async def new_thread(client: Client) -> str:
    return (await client.threads.create())["thread_id"]


async def status_of(client: Client, thread: str, run: str) -> str:
    return (await client.runs.get(thread, run))["status"]


async def test_a_run_in_the_background(client: Client) -> None:
    thread = await new_thread(client)
    run = await client.runs.create(thread, "steps", input={"tag": "t"}, metadata={"who": "me"})
    assert run["status"] == "pending"
    assert run["assistant_id"] == str(uuid.uuid5(uuid.NAMESPACE_DNS, "steps"))
    assert run["metadata"] == {
        "created_by": "system",
        "who": "me",
        "graph_id": "steps",
        "assistant_id": run["assistant_id"],
    }
    assert run["kwargs"]["input"] == {"tag": "t"}
    values = await client.runs.join(thread, run["run_id"])
    assert values == {"tag": "t", "log": ["a:t", "b:t", "c:t"]}
    done = await client.runs.get(thread, run["run_id"])
    assert done["status"] == "success"
    assert [one["run_id"] for one in await client.runs.list(thread)] == [run["run_id"]]
    shown = await client.threads.get(thread)
    assert (shown["status"], shown["values"], shown["interrupts"]) == ("idle", values, {})
    assert shown["metadata"] == {"graph_id": "steps", "assistant_id": run["assistant_id"]}


async def test_waiting_for_a_run(client: Client) -> None:
    thread = await new_thread(client)
    assert (await client.runs.wait(thread, "steps", input={"tag": "w"}))["log"] == ["a:w", "b:w", "c:w"]
    again = await client.runs.wait(thread, "steps", input={"tag": "x"})
    assert len(again["log"]) == 6, "the thread goes on where it was"


@pytest.mark.parametrize("raises", [True, False])
async def test_a_run_that_fails(client: Client, raises: bool) -> None:
    thread = await new_thread(client)
    waiting = client.runs.wait(thread, "fails", input={"tag": "f"}, raise_error=raises)
    if raises:
        with pytest.raises(Exception, match="ValueError: boom"):
            await waiting
    else:
        assert await waiting == {"__error__": {"error": "ValueError", "message": "boom"}}
    shown = await client.threads.get(thread)
    assert (shown["status"], shown["error"]) == ("error", {"error": "ValueError", "message": "boom"})
    assert (await client.runs.list(thread))[0]["status"] == "error"
    assert await client.runs.list(thread, status="success") == []


async def test_a_question_and_its_answer(client: Client) -> None:
    thread = await new_thread(client)
    asked = await client.runs.wait(thread, "ask", input={"question": "q"})
    (interrupt,) = asked["__interrupt__"]
    assert interrupt["value"] == {"question": "q"}
    shown = await client.threads.get(thread)
    assert shown["status"] == "interrupted"
    assert [[one["id"] for one in questions] for questions in shown["interrupts"].values()] == [[interrupt["id"]]]
    (run,) = await client.runs.list(thread)
    assert run["status"] == "success", "it has stopped where its graph has asked"
    state = await client.threads.get_state(thread)
    assert state["next"] == ["ask"]
    assert state["interrupts"][0]["id"] == interrupt["id"]
    done = await client.runs.wait(thread, "ask", command={"resume": "yes"})
    assert done["answer"] == "yes"
    after = await client.threads.get(thread)
    assert (after["status"], after["interrupts"]) == ("idle", {})


async def test_a_breakpoint_is_no_question(client: Client) -> None:
    thread = await new_thread(client)
    values = await client.runs.wait(thread, "steps", input={"tag": "b"}, interrupt_before=["b"])
    assert values == {"tag": "b", "log": ["a:b"]}
    shown = await client.threads.get(thread)
    assert (shown["status"], shown["interrupts"]) == ("interrupted", {})
    done = await client.runs.wait(thread, "steps", input=None)
    assert done["log"] == ["a:b", "b:b", "c:b"]


async def test_a_run_that_is_stopped(client: Client) -> None:
    thread = await new_thread(client)
    run = (await client.runs.create(thread, "steps", input={**SLOW, "wait": 5.0}))["run_id"]
    await until(lambda: _is(client, thread, run, "running"))
    await client.runs.cancel(thread, run, wait=True)
    assert await status_of(client, thread, run) == "interrupted"
    assert [one["run_id"] for one in await client.runs.list(thread, status="interrupted")] == [run]
    assert await client.runs.list(thread, status="success") == []
    assert (await client.threads.get(thread))["status"] == "interrupted"
    with pytest.raises(NotFoundError, match="No matching runs to cancel"):
        await client.runs.cancel(thread, run)
    await client.threads.update_state(thread, {"wait": 0.0})
    assert (await client.runs.wait(thread, "steps"))["log"] == ["a:s", "b:s", "c:s"]


async def _is(client: Client, thread: str, run: str, status: str) -> bool:
    return await status_of(client, thread, run) == status


async def test_a_run_that_is_rolled_back_is_gone(client: Client) -> None:
    thread = await new_thread(client)
    before = await client.runs.wait(thread, "steps", input={"tag": "1"})
    run = (await client.runs.create(thread, "steps", input={"tag": "2", "wait": 5.0}))["run_id"]
    await until(lambda: _is(client, thread, run, "running"))
    await client.runs.cancel(thread, run, wait=True, action="rollback")
    for gone in (client.runs.get(thread, run), client.runs.join(thread, run)):
        with pytest.raises((NotFoundError, httpx.HTTPStatusError), match=r"404|Not Found"):
            await gone
    assert len(await client.runs.list(thread)) == 1
    shown = await client.threads.get(thread)
    assert (shown["status"], shown["values"]) == ("idle", before)


async def test_many_runs_are_stopped_at_once(client: Client, http: httpx.AsyncClient) -> None:
    thread = await new_thread(client)
    made = [await client.runs.create(thread, "steps", input={"tag": "m", "wait": 5.0}) for _ in range(3)]
    ids = [run["run_id"] for run in made]
    await client.runs.cancel_many(thread_id=thread, run_ids=ids)
    await until(lambda: _all_are(client, thread, "interrupted"))
    for body in ({}, {"status": "all", "thread_id": thread, "run_ids": ids}, {"thread_id": thread}):
        answer = await http.post("/runs/cancel", json=body)
        assert answer.status_code == 422, answer.text
    answer = await http.post("/runs/cancel", json={"thread_id": thread, "run_ids": ids})
    assert answer.status_code == 404


async def _all_are(client: Client, thread: str, status: str) -> bool:
    return {run["status"] for run in await client.runs.list(thread)} == {status}


async def test_a_run_is_removed(client: Client) -> None:
    thread = await new_thread(client)
    run = (await client.runs.create(thread, "steps", input={"tag": "d", "wait": 5.0}))["run_id"]
    await client.runs.delete(thread, run)
    with pytest.raises(NotFoundError, match="Run not found"):
        await client.runs.delete(thread, run)
    assert (await client.threads.get(thread))["status"] != "busy"


@pytest.mark.parametrize("strategy", ["reject", "enqueue", "interrupt", "rollback"])
async def test_a_run_on_a_busy_thread(client: Client, strategy: Any) -> None:
    thread = await new_thread(client)
    first = (await client.runs.create(thread, "steps", input={"tag": "1", "wait": 0.2}))["run_id"]
    await until(lambda: _is(client, thread, first, "running"))
    assert (await client.threads.get(thread))["status"] == "busy"
    second = client.runs.wait(thread, "steps", input={"tag": "2", "wait": 0.0}, multitask_strategy=strategy)
    if strategy == "reject":
        with pytest.raises(httpx.HTTPStatusError, match="409"):
            await second
        return
    log = (await second)["log"]
    assert log[-3:] == ["a:2", "b:2", "c:2"]
    found = {run["run_id"]: run["status"] for run in await client.runs.list(thread)}
    assert found.get(first) == {"enqueue": "success", "interrupt": "interrupted", "rollback": None}[strategy]
    assert (len(log) == 3) == (strategy == "rollback") or strategy == "interrupt"


async def test_the_same_key_is_the_same_run(client: Client, http: httpx.AsyncClient) -> None:
    thread = await new_thread(client)
    body = {"assistant_id": "steps", "input": {"tag": "once"}}
    headers = {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(
        *(http.post(f"/threads/{thread}/runs", json=body, headers=headers) for _ in range(3))
    )
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    waited = await http.post(f"/threads/{thread}/runs/wait", json=body, headers=headers)
    assert waited.json()["log"] == ["a:once", "b:once", "c:once"]
    assert len(await client.runs.list(thread)) == 1
    other = await http.post(f"/threads/{thread}/runs/wait", json=body, headers={"Idempotency-Key": "k-2"})
    assert len(other.json()["log"]) == 6


async def test_a_thread_is_made_for_a_run(client: Client) -> None:
    id = str(uuid.uuid4())
    with pytest.raises(NotFoundError, match=r"Thread or assistant not found\."):
        await client.runs.create(id, "steps", input={})
    await client.runs.wait(id, "steps", input={"tag": "n"}, if_not_exists="create", metadata={"owner": "me"})
    assert (await client.threads.get(id))["metadata"]["owner"] == "me"


@pytest.mark.parametrize("completion", [None, "keep"])
async def test_a_run_without_a_thread(client: Client, completion: Any) -> None:
    created: list[Any] = []
    values = await client.runs.wait(
        None, "steps", input={"tag": "l"}, on_completion=completion, on_run_created=created.append
    )
    assert values["log"] == ["a:l", "b:l", "c:l"]
    thread = created[0]["thread_id"]
    state = await client.threads.get_state(thread)
    assert (state["values"] == {}) == (completion is None)


async def test_metadata_reaches_nodes_and_states(client: Client) -> None:
    thread = await new_thread(client)
    run = await client.runs.create(thread, "steps", input={"tag": "t"}, config={"configurable": {"own": 1}})
    await client.runs.join(thread, run["run_id"])
    history = await client.threads.get_history(thread, limit=10)
    assert [state["next"] for state in history] == [[], ["c"], ["b"], ["a"], ["__start__"]]
    assert (
        history[0]["metadata"]
        | {
            "run_id": run["run_id"],
            "graph_id": "steps",
            "assistant_id": run["assistant_id"],
            "own": 1,
        }
        == history[0]["metadata"]
    )
    assert history[1]["tasks"][0]["result"] == {"log": ["c:t"]}


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 422, "assistant_id"),
        ({"assistant_id": "nope"}, 422, "unknown graph 'nope'"),
        ({"assistant_id": str(uuid.UUID(int=5))}, 404, "not found"),
        ({"stream_mode": "tools"}, 422, "stream_mode"),
        ({"stream_mode": ["values", "lifecycle"]}, 422, "stream_mode"),
        ({"multitask_strategy": "maybe"}, 422, "multitask_strategy"),
        ({"after_seconds": -1}, 422, "after_seconds"),
        ({"checkpoint_id": "x"}, 422, "Invalid checkpoint ID"),
        ({"checkpoint_id": str(uuid.UUID(int=5))}, 422, "checkpoint_id"),
        ({"context": {"a": 1}, "config": {"configurable": {"b": 1}}}, 400, "context"),
        ({"command": {"resume": 1}}, 400, "command.resume"),
        ({"command": {"goto": [{"node": "a", "input": 1}]}}, 422, "goto"),
        ({"interrupt_before": ["nope"]}, 422, "interrupt_before"),
        ({"webhook": "http://127.0.0.1/"}, 422, "webhook"),
        ({"config": {"recursion_limit": 0}}, 422, "config.recursion_limit"),
        ({"durability": "never"}, 422, "durability"),
    ],
)
async def test_what_a_run_cannot_be_is_said(
    client: Client, http: httpx.AsyncClient, body: dict[str, Any], status: int, detail: str
) -> None:
    thread = await new_thread(client)
    sent = body if not body else {"assistant_id": "steps", **body}
    answer = await http.post(f"/threads/{thread}/runs", json=sent)
    assert (answer.status_code, True) == (status, detail in answer.json()["detail"]), answer.text
    assert await client.runs.list(thread) == [], "nothing was started"


@pytest.mark.parametrize(
    "body",
    [
        {"feedback_keys": ["up"], "langsmith_tracer": {"project_name": "p"}, "strict_resume": True},
        {"input": {"tag": "x"}, "command": {}, "stream_mode": []},
        {"multitaskStrategy": "enqueue", "context": None, "metadata": None, "config": None},
        {"stream_resumable": True, "durability": "exit", "after_seconds": 0.1},
        {"config": {"configurable": {"thread_id": "another", "__internal": 1}, "tags": ["t"], "callbacks": None}},
        {"context": {"tone": "calm"}},
    ],
)
async def test_what_clients_send_besides_is_taken(
    client: Client, http: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    thread = await new_thread(client)
    sent = {"assistant_id": "steps", "input": {"tag": "x"}, **body}
    answer = await http.post(f"/threads/{thread}/runs/wait", json=sent)
    assert answer.status_code == 200
    assert answer.json()["log"] == ["a:x", "b:x", "c:x"]


@pytest.mark.parametrize("path", ["", "/join", "/stream"])
async def test_a_run_that_there_is_not(client: Client, http: httpx.AsyncClient, path: str) -> None:
    thread = await new_thread(client)
    answer = await http.get(f"/threads/{thread}/runs/{uuid.uuid4()}{path}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Not Found")
    other = await http.get(f"/threads/{thread}/runs/nope{path}")
    assert (other.status_code, other.json()["detail"]) == (422, "Invalid run ID: must be a UUID")


async def test_a_fork_from_a_checkpoint(client: Client) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "steps", input={"tag": "1"})
    history = await client.threads.get_history(thread, limit=10)
    before_c = next(state for state in history if state["next"] == ["c"])
    forked = await client.runs.wait(thread, "steps", checkpoint=before_c["checkpoint"])
    assert forked["log"] == ["a:1", "b:1", "c:1"]
    older = await client.threads.get_history(thread, limit=2, before=before_c["checkpoint"])
    assert [state["next"] for state in older] == [["b"], ["a"]]
    assert (await client.threads.get_state(thread, before_c["checkpoint"]))["next"] == ["c"]


async def test_an_error_keeps_its_status(http: httpx.AsyncClient) -> None:
    answer = await http.post("/runs", json={"assistant_id": "steps", "command": {"resume": 1}})
    assert answer.status_code == 422


async def test_a_state_is_changed(client: Client) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "steps", input={"tag": "1"})
    made = await client.threads.update_state(thread, {"tag": "2"}, as_node="b")
    state = await client.threads.get_state(thread)
    assert state["checkpoint"]["checkpoint_id"] == made["checkpoint"]["checkpoint_id"]
    assert (state["values"]["tag"], state["next"]) == ("2", ["c"])
    shown = await client.threads.get(thread)
    assert (shown["values"]["tag"], shown["status"]) == ("2", "interrupted")
    with pytest.raises(APIStatusError) as caught:
        await client.threads.update_state(thread, {"tag": "3"}, as_node="nope")
    assert caught.value.status_code == 400
    bare = await new_thread(client)
    with pytest.raises(APIStatusError) as caught:
        await client.threads.update_state(bare, {"tag": "3"})
    assert caught.value.status_code == 400
    empty = await client.threads.get_state(bare)
    assert (empty["values"], empty["next"], empty["checkpoint"]) == ({}, [], None)
    assert await client.threads.get_history(bare) == []


async def test_runs_in_a_batch(client: Client, http: httpx.AsyncClient) -> None:
    made = await client.runs.create_batch([{"assistant_id": "steps", "input": {"tag": tag}} for tag in "xy"])
    assert len({run["run_id"] for run in made}) == 2
    for wrong in (None, {"assistant_id": "steps", "stream_mode": "nope"}, {"assistant_id": "nope"}):
        bodies = [] if wrong is None else [{"assistant_id": "steps"}, wrong]
        assert (await http.post("/runs/batch", json=bodies)).status_code == 422
