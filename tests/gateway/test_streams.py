"""Streams of runs, by the client of LangGraph and on the wire."""

from __future__ import annotations

import asyncio
import gc
import json
import uuid
from itertools import pairwise
from types import AsyncGeneratorType, CoroutineType
from typing import Any

import httpx
import pytest
from graphs.api import WORDS
from support.gateways import Client, Served, events, fields, frames
from support.servers import until

from perdure import RunScope, RunSpec

A, B, C = ({"log": [f"{name}:t"]} for name in "abc")


async def new_thread(client: Client) -> str:
    return (await client.threads.create())["thread_id"]


def streamed(client: Client, thread: str | None, graph: str, **wanted: Any) -> Any:
    return client.runs.stream(thread, graph, **{"input": {"tag": "t"}, **wanted})


STREAMS: list[tuple[str, Any, list[tuple[str, Any]]]] = [
    (
        "steps",
        "values",
        [
            ("values", {"tag": "t", "log": []}),
            ("values", {"tag": "t", "log": ["a:t"]}),
            ("values", {"tag": "t", "log": ["a:t", "b:t"]}),
            ("values", {"tag": "t", "log": ["a:t", "b:t", "c:t"]}),
        ],
    ),
    ("steps", ["updates"], [("updates", {"a": A}), ("updates", {"b": B}), ("updates", {"c": C})]),
    ("custom", "custom", [("custom", {"said": "t"})]),
    ("fails", "updates", [("error", {"error": "ValueError", "message": "boom"})]),
]


@pytest.mark.parametrize(("graph", "modes", "expected"), STREAMS)
async def test_what_a_mode_streams(client: Client, graph: str, modes: Any, expected: Any) -> None:
    thread = await new_thread(client)
    (first, *rest) = await events(streamed(client, thread, graph, stream_mode=modes))
    assert first[0] == "metadata"
    assert first[1]["attempt"] == 1
    assert rest == expected
    (run,) = await client.runs.list(thread)
    assert (run["run_id"], run["status"]) == (first[1]["run_id"], "error" if graph == "fails" else "success")


async def test_tasks_checkpoints_and_debug(client: Client) -> None:
    modes = ["tasks", "checkpoints", "debug"]
    found = await events(streamed(client, await new_thread(client), "steps", stream_mode=modes))
    by_mode = {mode: [data for name, data in found if name == mode] for mode in modes}
    assert [("input" in task, task["name"]) for task in by_mode["tasks"]] == [
        (begins, name) for name in "abc" for begins in (True, False)
    ]
    assert len(by_mode["checkpoints"]) == 5
    assert {*by_mode["checkpoints"][0]} >= {"config", "metadata", "values", "next", "parent_config", "tasks"}
    configs = [checkpoint["config"]["configurable"] for checkpoint in by_mode["checkpoints"]]
    assert not [key for config in configs for key in config if key.startswith("__")]
    assert {event["type"] for event in by_mode["debug"]} == {"checkpoint", "task", "task_result"}


async def test_messages_as_they_come(client: Client) -> None:
    asked = {"messages": [{"role": "user", "content": "weather?"}]}
    found = await events(streamed(client, await new_thread(client), "chat", input=asked, stream_mode="messages-tuple"))
    parts = [data for name, data in found if name == "messages"]
    assert "".join(part["content"] for part, _ in parts) == WORDS
    assert {part["type"] for part, _ in parts} == {"AIMessageChunk"}
    assert {metadata["langgraph_node"] for _, metadata in parts} == {"answer"}


async def test_the_events_of_langchain(client: Client) -> None:
    asked = {"messages": [{"role": "user", "content": "weather?"}]}
    found = await events(streamed(client, await new_thread(client), "chat", input=asked, stream_mode="events"))
    assert {name for name, _ in found} == {"metadata", "events"}
    told = [(data["event"], data["name"]) for name, data in found if name == "events"]
    assert told[:2] == [("on_chain_start", "LangGraph"), ("on_chain_start", "answer")]
    assert told[-3:] == [("on_chain_stream", "answer"), ("on_chain_end", "answer"), ("on_chain_end", "LangGraph")]
    said = [data["data"]["chunk"] for _, data in found if data.get("event") == "on_chat_model_stream"]
    assert "".join(chunk["content"] for chunk in said) == WORDS
    assert [len(data["parent_ids"]) for _, data in found if data.get("event") == "on_chat_model_start"] == [2]


async def test_messages_that_grow(client: Client) -> None:
    asked = {"messages": [{"role": "user", "content": "weather?"}]}
    thread = await new_thread(client)
    found = await events(streamed(client, thread, "chat", input=asked, stream_mode="messages"))
    names = [name for name, _ in found]
    assert names[:2] == ["metadata", "messages/metadata"]
    assert {*names[2:]} == {"messages/partial"}
    grown = [data[0]["content"] for name, data in found if name == "messages/partial"]
    assert all(later.startswith(earlier) for earlier, later in pairwise(grown))
    assert grown[-1] == WORDS
    last = found[-1][1][0]
    assert last["type"] == "ai"
    assert found[1][1][last["id"]]["metadata"]["langgraph_node"] == "answer"


@pytest.mark.parametrize(
    ("modes", "names"),
    [(["values"], ["values"]), (["values", "updates"], ["updates", "values"]), (["updates"], ["updates"])],
)
async def test_a_question_is_streamed(client: Client, modes: Any, names: list[str]) -> None:
    found = await events(streamed(client, await new_thread(client), "ask", input={"question": "q"}, stream_mode=modes))
    asked = [(event, data["__interrupt__"]) for event, data in found if "__interrupt__" in data]
    assert [event for event, _ in asked] == names
    (question,) = asked[0][1]
    assert question | {"value": {"question": "q"}, "response_schema": None} == question


async def test_subgraphs_have_their_names(client: Client) -> None:
    found = await events(
        streamed(client, await new_thread(client), "parent", stream_mode=["updates"], stream_subgraphs=True)
    )
    names = [name for name, _ in found if name != "metadata"]
    assert names[-1] == "updates"
    assert [name.partition(":")[0] for name in names[:-1]] == ["updates|child"] * 3


async def test_ids_are_dense_and_a_stream_goes_on_after_each_of_them(client: Client, http: httpx.AsyncClient) -> None:
    thread = await new_thread(client)
    run = (await client.runs.create(thread, "steps", input={"tag": "t"}, stream_mode=["values", "updates"]))["run_id"]
    await client.runs.join(thread, run)
    path = f"/threads/{thread}/runs/{run}/stream"
    whole = await frames(http, path)
    ids = [int(frame["id"]) for frame in whole]
    assert ids == [*range(1, len(whole) + 1)]
    for header in ("-1", "0"):
        assert await frames(http, path, {"Last-Event-ID": header}) == whole
    for number in ids:
        assert await frames(http, path, {"Last-Event-ID": str(number)}) == whole[number:]
    for wrong in ("9" * 5000, f"1-{'9' * 5000}"):  # more digits than Python reads
        assert (await http.get(path, headers={"Last-Event-ID": wrong})).status_code == 400
    answer = await http.get(path, headers={"Last-Event-ID": "what"})
    assert (answer.status_code, "last_event_id" in answer.json()["detail"]) == (400, True)


async def test_messages_that_grow_go_on_after_each_of_their_ids(client: Client, http: httpx.AsyncClient) -> None:
    thread = await new_thread(client)
    asked = {"messages": [{"role": "user", "content": "weather?"}]}
    run = (await client.runs.create(thread, "chat", input=asked, stream_mode="messages"))["run_id"]
    await client.runs.join(thread, run)
    path = f"/threads/{thread}/runs/{run}/stream"
    whole = await frames(http, path)
    ids = [frame["id"] for frame in whole]
    assert len({*ids}) == len(ids)
    for place, id in enumerate(ids, 1):
        assert await frames(http, path, {"Last-Event-ID": id}) == whole[place:]


@pytest.mark.parametrize(
    "query",
    ["stream_mode=values&stream_mode=updates", 'stream_mode=["values","updates"]', "stream_mode=values,updates"],
)
async def test_a_join_names_its_modes(client: Client, http: httpx.AsyncClient, query: str) -> None:
    thread = await new_thread(client)
    modes: Any = ["values", "updates", "tasks"]
    run = (await client.runs.create(thread, "steps", input={"tag": "t"}, stream_mode=modes))["run_id"]
    await client.runs.join(thread, run)
    found = await frames(http, f"/threads/{thread}/runs/{run}/stream?{query}")
    assert {frame["event"] for frame in found} == {"values", "updates"}
    wrong = await http.get(f"/threads/{thread}/runs/{run}/stream?stream_mode=nope")
    assert wrong.status_code == 422


async def test_the_headers_say_where_a_run_is(http: httpx.AsyncClient, client: Client) -> None:
    thread = await new_thread(client)
    async with http.stream(
        "POST", f"/threads/{thread}/runs/stream", json={"assistant_id": "steps", "input": {}}
    ) as answer:
        place = answer.headers["content-location"]
        assert place.startswith(f"/threads/{thread}/runs/")
        assert answer.headers["location"] == f"{place}/stream"
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
    stateless = await http.post("/runs/stream", json={"assistant_id": "steps", "input": {"tag": "t"}})
    again = await http.get(stateless.headers["location"])
    assert again.text == stateless.text, "also where its client has named no thread"
    run = stateless.headers["location"].split("/")[-2]
    assert (await http.get(f"/runs/{run}/stream")).text == stateless.text


async def test_the_client_joins_from_its_last_event(client: Client) -> None:
    thread = await new_thread(client)
    run = (await client.runs.create(thread, "steps", input={"tag": "t", "wait": 0.2}))["run_id"]
    live = await events(client.runs.join_stream(thread, run))
    assert [name for name, _ in live] == ["metadata", *["values"] * 4]
    assert (await client.runs.get(thread, run))["status"] == "success", "who has seen the end finds it"
    assert await events(client.runs.join_stream(thread, run, last_event_id="4")) == live[4:]


@pytest.mark.parametrize(("on_disconnect", "status"), [("cancel", "interrupted"), ("continue", "success")])
@pytest.mark.parametrize("way", ["stream", "wait"])
async def test_what_becomes_of_a_run_whose_client_leaves(
    api: Served, on_disconnect: str, status: str, way: str
) -> None:
    thread = await new_thread(api.client)
    body = {"assistant_id": "steps", "input": {"tag": "t", "wait": 0.5}, "on_disconnect": on_disconnect}
    path = f"/threads/{thread}/runs/{way}"
    async with (
        httpx.AsyncClient(base_url=api.gateway.url) as leaving,
        leaving.stream("POST", path, json=body) as answer,
    ):
        assert answer.status_code == 200
        run = answer.headers["content-location"].rpartition("/")[2]
        await until(lambda: _has_begun(api.client, thread, run))
    await until(lambda: _is(api.client, thread, run, status))


async def _has_begun(client: Client, thread: str, run: str) -> bool:
    return (await client.runs.get(thread, run))["status"] != "pending"


async def _is(client: Client, thread: str, run: str, status: str) -> bool:
    return (await client.runs.get(thread, run))["status"] == status


async def test_silence_is_broken(client: Client, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.gateway.runs.HEARTBEAT", 0.1)
    thread = await new_thread(client)
    body = {"assistant_id": "steps", "input": {"tag": "t", "wait": 0.5}}
    streamed = await http.post(f"/threads/{thread}/runs/stream", json=body)
    assert ": heartbeat\r\n\r\n" in streamed.text
    waited = await http.post(f"/threads/{thread}/runs/wait", json=body)
    assert waited.text.startswith("\n")
    assert waited.json()["tag"] == "t"


async def test_the_stream_of_a_thread(client: Client, http: httpx.AsyncClient) -> None:
    thread = await new_thread(client)
    await client.runs.wait(thread, "steps", input={"tag": "before"})
    found: list[dict[str, str]] = []

    async def follow(headers: dict[str, str], runs: int) -> None:
        async with http.stream("GET", f"/threads/{thread}/stream", headers=headers) as answer:
            text = ""
            async for part in answer.aiter_text():
                text += part
                *blocks, text = text.split("\r\n\r\n")
                found.extend(fields(block) for block in blocks if not block.startswith(":"))
                if sum("run_done" in frame["data"] for frame in found) == runs:
                    return

    following = asyncio.create_task(follow({}, 2))
    await asyncio.sleep(0.2)
    for tag in ("1", "2"):
        await client.runs.wait(thread, "steps", input={"tag": tag})
    await asyncio.wait_for(following, 20)
    live = [*found]
    begun = [json.loads(frame["data"])["attempt"] for frame in live if '"attempt"' in frame["data"]]
    assert begun == [1, 1]
    assert not any("before" in frame["data"] and frame["event"] == "updates" for frame in live)
    assert len({frame["id"] for frame in live}) == len(live)
    found.clear()
    await asyncio.wait_for(follow({"Last-Event-ID": live[2]["id"]}, 2), 20)
    assert found == live[3:]
    found.clear()
    await asyncio.wait_for(follow({"Last-Event-ID": next(f["id"] for f in live if "run_done" in f["data"])}, 1), 20)
    assert len([frame for frame in found if "run_done" in frame["data"]]) == 1, "an end is told once"
    for wrong in ("what", f"1-{'9' * 5000}"):
        assert (await http.get(f"/threads/{thread}/stream", headers={"Last-Event-ID": wrong})).status_code == 422
    missing = await http.get(f"/threads/{uuid.uuid4()}/stream")
    assert missing.status_code == 404


async def test_a_question_at_which_a_python_program_holds_its_run(api: Served) -> None:
    runs, thread = api.env.runs, await new_thread(api.client)
    spec = RunSpec(assistant_id="ask", scope=RunScope(thread_id=thread), input={"question": "q"})
    run = (await runs.create_and_wait(spec))[0].run_id
    asked = await events(api.client.runs.join_stream(thread, run))
    assert "__interrupt__" in asked[-1][1], "the stream ends there"
    assert (await api.client.runs.get(thread, run))["status"] == "success"
    assert (await api.client.threads.get(thread))["status"] == "interrupted"
    await runs.resume(run, "yes")
    await runs.join_wait(run)
    whole = await events(api.client.runs.join_stream(thread, run))
    assert whole[: len(asked)] == asked
    assert whole[-1][1]["answer"] == "yes", "an answered question does not end it"


MOST_FRAMES = 14
"""Of an idle stream, the framework's and the server's with it: each is half a kilobyte, for each of thousands."""


def frames_there() -> int:
    gc.collect()
    return sum(isinstance(one, CoroutineType | AsyncGeneratorType) for one in gc.get_objects())


async def test_an_idle_stream_holds_few_frames(api: Served) -> None:
    spec = RunSpec(assistant_id="steps", scope=RunScope(kind="stateless"), input={}, after_seconds=600)
    run = await api.env.runs.create_background(spec)
    host, _, port = api.gateway.url.removeprefix("http://").partition(":")
    path, readers, number = f"/threads/{run.thread_id}/runs/{run.run_id}/stream", list[asyncio.StreamWriter](), 20
    before = frames_there()
    for _ in range(number):
        reader, writer = await asyncio.open_connection(host, int(port))
        readers.append(writer)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n")
    await until(lambda: is_open(api, number))
    assert (frames_there() - before) / number <= MOST_FRAMES
    for writer in readers:
        writer.close()
    await until(lambda: is_open(api, 0))
    await api.env.runs.cancel(run.run_id)


async def is_open(api: Served, number: int) -> bool:
    """Whether this gateway has so many open streams."""
    found = (await api.http.get("/metrics", params={"format": "json"})).json()
    return found["streams"]["open"] == number
