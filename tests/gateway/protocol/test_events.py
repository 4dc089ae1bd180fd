"""What a thread says: all of it, in one order, the same for everybody, from wherever one goes on."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx
import pytest
from support.gateways import Client, Served
from support.protocol import (
    Event,
    command,
    following,
    history,
    is_end,
    new_thread,
    start,
    states,
    told,
)
from support.servers import until
from temporalio.service import RPCError

from perdure import RunScope, RunSpec
from perdure.contracts.wire import thread_workflow_id
from perdure.gateway import Gateway
from perdure.gateway.protocol.entries import Entry, Place, entry_of
from perdure.gateway.protocol.said import Said

PARIS = {"messages": [{"role": "user", "content": "Paris"}]}


async def ran(http: httpx.AsyncClient, assistant: str, input: Any, runs: int = 1) -> tuple[str, list[Event]]:
    thread = new_thread()
    for _ in range(runs):
        await start(http, thread, assistant, input)
    return thread, await history(http, thread, runs)


def timeless(events: list[Event]) -> list[Event]:
    """Streams of other clients do not tell their times, unless they have checkpoints."""
    return [{**event, "params": {**event["params"], "timestamp": 0}} for event in events]


async def test_an_agent_says_all_that_it_does(http: httpx.AsyncClient) -> None:
    thread = new_thread()
    run = await start(http, thread, "agent", PARIS)
    found = await history(http, thread)
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    assert len({event["event_id"] for event in found}) == len(found)
    assert [found[0]["event_id"], found[-1]["event_id"]] == [f"synth:{run}:lc||running", f"synth:{run}:lc||completed"]
    times = [event["params"]["timestamp"] for event in found]
    assert times == sorted(times)
    assert states(found) == [("", "running"), ("", "completed")]
    started, finished = told(found, "tools")
    assert started == {
        "event": "tool-started",
        "tool_call_id": "call_1",
        "tool_name": "weather",
        "input": {"city": "Paris"},
    }
    assert (finished["event"], finished["output"]["content"]) == ("tool-finished", "sunny in Paris")
    assert told(found, "messages")[:5] == [
        {"event": "message-start", "role": "ai", "id": "said-1"},
        {
            "event": "content-block-start",
            "index": 0,
            "content": {"type": "tool_call_chunk", "id": "call_1", "name": "weather", "args": "", "index": 0},
        },
        {"event": "content-block-delta", "index": 0, "delta": {"type": "tool-call-delta", "args": '{"city":'}},
        {"event": "content-block-delta", "index": 0, "delta": {"type": "tool-call-delta", "args": ' "Paris"}'}},
        {
            "event": "content-block-finish",
            "index": 0,
            "content": {"type": "tool_call", "id": "call_1", "name": "weather", "args": {"city": "Paris"}},
        },
    ]
    spoken = [one for one in told(found, "messages") if one["event"] == "content-block-delta"]
    assert "".join(one["delta"].get("text", "") for one in spoken[3:]) == "It is sunny in Paris."
    last = told(found, "values")[-1]["messages"]
    assert [one["type"] for one in last] == ["human", "ai", "tool", "ai"]
    assert last[1]["tool_calls"] == [
        {"type": "tool_call", "name": "weather", "args": {"city": "Paris"}, "id": "call_1"}
    ]
    # The envelope of a checkpoint is right before its values.
    methods = [event["method"] for event in found]
    assert all(methods[place - 1] == "checkpoints" for place, method in enumerate(methods) if method == "values")
    first, second, *_ = told(found, "checkpoints")
    assert second == {"id": second["id"], "parent_id": first["id"], "step": 0, "source": "loop"}
    assert [one["node"] for one in told(found, "updates")] == ["model", "tools", "model"]


async def test_a_tool_that_fails(http: httpx.AsyncClient) -> None:
    _, found = await ran(http, "agent", {"messages": [{"role": "user", "content": "Nowhere"}]})
    assert [(one["event"], one.get("message")) for one in told(found, "tools")] == [
        ("tool-started", None),
        ("tool-error", "no such city"),
    ]


async def test_custom_events_by_name(http: httpx.AsyncClient) -> None:
    thread, found = await ran(http, "writer", {})
    assert told(found, "custom") == [
        {"payload": {"number": 0}},
        {"name": "progress", "payload": 0},
        {"payload": {"number": 1}},
        {"name": "progress", "payload": 1},
    ]
    named = await history(http, thread, channels=["custom:progress", "lifecycle"])
    assert [one["payload"] for one in told(named, "custom")] == [0, 1]
    assert told(await history(http, thread, channels=["custom:other", "lifecycle"]), "custom") == []


async def test_graphs_within(http: httpx.AsyncClient) -> None:
    thread, found = await ran(http, "parent", {"tag": "p"})
    assert states(found) == [("", "running"), ("child", "started"), ("child", "completed"), ("", "completed")]
    child = next(event["params"] for event in found if event["params"]["namespace"])
    (place,) = child["namespace"]
    assert child["data"] == {
        "event": "started",
        "namespace": [place],
        "graph_name": "child",
        "trigger_call_id": place.partition(":")[2],
    }

    async def told_of(**more: Any) -> list[Event]:
        async with following(http, thread, **more) as events:
            # The last one of the thread is not always wanted.
            return await events.until(lambda event: event["seq"] >= last[str(more)])

    within = [event for event in found if event["params"]["namespace"]]
    root = [event for event in found if not event["params"]["namespace"]]
    by_filter: list[tuple[dict[str, Any], list[Event]]] = [
        ({"namespaces": [[]], "depth": 0}, root),
        ({"namespaces": [[]], "depth": 1}, found),
        ({"namespaces": [["child"]]}, within),
        ({"namespaces": [[place]], "depth": 0}, within),
        ({"namespaces": [["other"], ["child"]]}, within),
        ({"depth": 1}, found),
    ]
    last = {str(more): wanted[-1]["seq"] for more, wanted in by_filter}
    for more, wanted in by_filter:
        assert await told_of(**more) == wanted


async def test_questions_come_before_the_values_and_the_end(http: httpx.AsyncClient) -> None:
    thread, found = await ran(http, "two", {})
    kinds = [event["method"] for event in found]
    assert kinds[-4:] == ["input.requested", "input.requested", "values", "lifecycle"]
    asked = told(found, "input.requested")
    assert {one["payload"]["of"] for one in asked} == {"left", "right"}
    assert "__interrupt__" not in str(told(found, "values"))
    # The thread knows them by then, so each can be answered at once.
    answers = [{"interrupt_id": one["interrupt_id"], "response": one["payload"]["of"]} for one in asked]
    assert (await command(http, thread, "input.respond", responses=answers))["result"] == {}
    both = await history(http, thread, 2)
    assert both[: len(found)] == found
    assert sorted(told(both, "values")[-1]["answers"]) == ["left", "right"]


async def test_a_question_within(http: httpx.AsyncClient) -> None:
    thread, found = await ran(http, "within", {})
    (asked,) = (event for event in found if event["method"] == "input.requested")
    assert [part.partition(":")[0] for part in asked["params"]["namespace"]] == ["inner"]
    params = asked["params"]
    one = {"interrupt_id": params["data"]["interrupt_id"], "namespace": params["namespace"], "response": 7}
    assert (await command(http, thread, "input.respond", **one))["type"] == "success"
    both = await history(http, thread, 2)
    assert told(both, "values")[-1] == {"answers": [7]}
    assert states(both)[-3:] == [("inner", "started"), ("inner", "completed"), ("", "completed")]


async def test_a_failure_says_why(http: httpx.AsyncClient) -> None:
    _, found = await ran(http, "fails", {})
    assert found[-1]["params"]["data"] == {"event": "failed", "graph_name": "fails", "error": "boom"}


async def test_runs_of_all_clients_come_live_and_again(api: Served, http: httpx.AsyncClient, client: Client) -> None:
    thread = (await client.threads.create())["thread_id"]
    async with following(http, thread) as live, Gateway(api.env.runs, host="127.0.0.1", port=0) as other:
        await start(http, thread, "agent", PARIS)
        await live.ended()
        await client.runs.create(thread, "chat", input=PARIS, stream_mode=["messages-tuple", "values", "updates"])
        await live.ended()
        spec = RunSpec(assistant_id="steps", scope=RunScope(thread_id=thread), input={"tag": "p"})
        await api.env.runs.create_and_wait(spec)
        await live.ended()
        async with httpx.AsyncClient(base_url=other.url, timeout=30) as there:
            await start(there, thread, "agent", PARIS)
            await live.ended()
            assert timeless(await history(there, thread, 4)) == timeless(live.seen)
    assert [one["event"] for one in told(live.seen, "lifecycle") if one["graph_name"] == "steps"] == [
        "running",
        "completed",
    ]
    assert live.ids == [str(event["seq"]) for event in live.seen[:-1]]  # the last one's is still to be read


@pytest.mark.parametrize("at", [0, 3, -2, -1])
async def test_each_way_to_go_on(http: httpx.AsyncClient, at: int) -> None:
    thread, found = await ran(http, "steps", {"tag": "t"}, runs=2)
    known, rest = found[at], found[at:][1:]
    ways: list[dict[str, Any]] = [
        {"since": known["seq"]},
        {"since_event_id": known["event_id"]},
        {"headers": {"Last-Event-ID": known["event_id"]}},
        {"headers": {"Last-Event-ID": str(known["seq"])}},
    ]
    for way in ways:
        async with following(http, thread, **way) as events:
            if not rest:  # nothing is said again: what comes is new
                await start(http, thread, "steps", {"tag": "t"})
                new = await events.ended()
                assert new[0]["seq"] == known["seq"] + 1
                thread, known = thread, (await history(http, thread, 3))[-1]
                break
            assert await events.until(lambda event: event["seq"] == found[-1]["seq"]) == rest


async def test_a_run_that_is_gone_is_no_way_to_go_on(http: httpx.AsyncClient) -> None:
    thread, found = await ran(http, "steps", {"tag": "t"})
    gone = f"{new_thread()}:7"
    async with following(http, thread, since_event_id=gone) as events:
        assert await events.ended() == found


async def test_the_connection_stays_open_and_alive(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.gateway.protocol.reader.HEARTBEAT", 0.1)
    thread, found = await ran(http, "steps", {"tag": "t"})
    async with following(http, thread, channels=["messages"]) as events:
        await events.beats(3)
        assert events.seen == []
    async with following(http, thread) as events:
        assert await events.ended() == found
        await events.beats(2)
        await start(http, thread, "steps", {"tag": "t"})
        assert (await events.ended())[0]["seq"] == found[-1]["seq"] + 1


async def test_who_is_slow_loses_nothing(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.gateway.protocol.feed._EVENTS", 5)
    thread = new_thread()
    run = await start(http, thread, "writer", {"words": 300, "pause": 0.001})
    async with following(http, thread) as slow, following(http, thread) as quick:
        await slow.until(lambda event: event["method"] == "custom")
        found = await quick.ended()
        assert [one["payload"] for one in told(found, "custom") if "name" in one] == list(range(300))
        await slow.ended()
    assert slow.seen == found
    assert all(run in event["event_id"] for event in found)


async def test_a_run_that_is_rolled_back_is_not_told_again(http: httpx.AsyncClient, client: Client) -> None:
    thread, before = await ran(http, "steps", {"tag": "t"})
    async with following(http, thread, since=before[-1]["seq"]) as live:
        run = await start(http, thread, "steps", {"tag": "u", "wait": 60})
        await live.until(lambda event: event["method"] == "tasks")
        await client.runs.cancel(thread, run, action="rollback", wait=True)
        await live.ended()
        undone = [*live.seen]
        assert undone[-1]["params"]["data"]["event"] == "interrupted"
        assert told(undone, "values")[-1] == told(before, "values")[-1]  # as it was
        await start(http, thread, "steps", {"tag": "t"})
        after = await live.ended()
    again = await history(http, thread, 3)
    roots = [event for event in undone if event["event_id"].startswith(f"synth:{run}:lc||")]
    assert again == [*before, *roots, *after]


async def test_a_run_that_another_process_has_submitted_is_seen(
    api: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.gateway.protocol.feed.SELDOM", 3600.0)
    thread = (await client.threads.create())["thread_id"]
    async with following(api.http, thread) as events:
        for _ in range(2):
            spec = RunSpec(assistant_id="steps", scope=RunScope(thread_id=thread), input={"tag": "t"})
            await api.env.runs.create_background(spec)
            await events.ended()


async def test_a_thread_that_is_deleted_is_followed_by_nobody(
    http: httpx.AsyncClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.gateway.protocol.feed.SELDOM", 0.1)
    thread, _ = await ran(http, "steps", {"tag": "t"})
    async with following(http, thread) as events:
        await events.ended()
        await client.threads.delete(thread)
        with pytest.raises(AssertionError, match="has ended"):
            await events.until(is_end)
    assert (await http.post(f"/threads/{thread}/stream/events", json={"channels": ["values"]})).status_code == 404


BROKEN: list[tuple[Any, str]] = [
    (b"{", "Invalid JSON body"),
    ([], "channels is required"),
    ({}, "channels is required"),
    ({"channels": []}, "channels is required"),
    ({"channels": "values"}, "channels is required"),
    ({"channels": ["values", "debug"]}, "unsupported entries: debug"),
    ({"channels": ["custom:"]}, "unsupported entries: custom:"),
    ({"channels": ["values"], "namespaces": ["a"]}, "namespaces"),
    ({"channels": ["values"], "depth": -1}, "depth"),
    ({"channels": ["values"], "depth": True}, "depth"),
    ({"channels": ["values"], "since": "x"}, "since"),
    ({"channels": ["values"], "since_event_id": "x"}, "since_event_id"),
]


@pytest.mark.parametrize(("body", "says"), BROKEN)
async def test_what_is_no_subscription(http: httpx.AsyncClient, client: Client, body: Any, says: str) -> None:
    thread = (await client.threads.create())["thread_id"]
    sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await http.post(f"/threads/{thread}/stream/events", **sent)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


async def test_threads_that_there_are_not(http: httpx.AsyncClient) -> None:
    for thread, status in ((new_thread(), 404), ("x", 422)):
        answer = await http.post(f"/threads/{thread}/stream/events", json={"channels": ["values"]})
        assert answer.status_code == status


async def test_a_feed_ends_with_its_last_reader(api: Served) -> None:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(api.env.runs, host="127.0.0.1", port=0))
        async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as http:
            thread, _ = await ran(http, "steps", {"tag": "t"})

            def reading() -> int:
                return sum("Feed._read" in repr(task.get_coro()) for task in asyncio.all_tasks())

            await until(lambda: reading() == 0)
            async with following(http, thread) as one, following(http, thread) as two:
                await asyncio.gather(one.ended(), two.ended())
                await until(lambda: reading() == 1)
            await until(lambda: reading() == 0)


async def test_a_run_that_is_too_large_to_be_kept(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    thread, found = await ran(http, "steps", {"tag": "t"}, runs=2)
    monkeypatch.setattr("perdure.gateway.protocol.shelf._ONE", 100)
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(following(http, thread, since=at)) for at in (0, 3, 3, 20)]
        assert [await reader.until(lambda event: event == found[-1]) for reader in readers] == [
            found[at:] for at in (0, 3, 3, 20)
        ]


async def test_many_who_come_at_once_share_what_they_read(
    api: Served, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, found = await ran(http, "steps", {"tag": "t"})
    projected: list[int] = []

    def counted(said: Said, seq: int, place: Place) -> Entry:
        projected.append(seq)
        return entry_of(said, seq, place)

    monkeypatch.setattr("perdure.gateway.protocol.tape.entry_of", counted)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(api.env.runs, host="127.0.0.1", port=0))
        limits = httpx.Limits(max_connections=None)
        there = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, limits=limits, timeout=30))
        readers = await asyncio.gather(*(stack.enter_async_context(following(there, thread)) for _ in range(20)))
        assert await asyncio.gather(*(reader.ended() for reader in readers)) == [found] * 20
        assert len(projected) == len(found)
        projected.clear()
        await start(there, thread, "steps", {"tag": "t"})
        again = await asyncio.gather(*(reader.ended() for reader in readers))
        assert all(one == again[0] for one in again)
        assert len(projected) == len(again[0])


@pytest.mark.parametrize("gone", [0, 1])
async def test_nothing_is_missed_where_a_run_was_deleted(http: httpx.AsyncClient, client: Client, gone: int) -> None:
    thread = new_thread()
    runs = [await start(http, thread, "steps", {"tag": str(number)}) for number in range(3)]
    before = await history(http, thread, 3)
    last = [event for event in before if runs[2] in event["event_id"]]
    async with following(http, thread) as old:
        await old.ended(3)
        await client.runs.delete(thread, runs[gone])
        async with following(http, thread, since=last[3]["seq"]) as new, following(http, thread) as whole:
            await new.until(lambda event: event["event_id"] == last[-1]["event_id"])
            assert {event["event_id"] for event in new.seen} >= {event["event_id"] for event in last[4:]}
            await whole.ended(2)
            ids = [event["event_id"] for event in before if runs[gone] not in event["event_id"]]
            assert [event["event_id"] for event in whole.seen] == ids
            await start(http, thread, "steps", {"tag": "t"})
            later = [await events.ended() for events in (old, new, whole)]
            assert later[0] == later[1] == later[2]
    for events in (old, new, whole):
        numbers = [event["seq"] for event in events.seen]
        assert numbers == sorted(set(numbers))


async def test_nothing_is_missed_behind_the_newest_run_once_it_was_deleted(api: Served, client: Client) -> None:
    http = api.http
    thread = new_thread()
    _, newest = [await start(http, thread, "steps", {"tag": "t"}) for _ in range(2)]
    had = (await history(http, thread, 2))[-1]["seq"]
    await client.runs.delete(thread, newest)
    with suppress(RPCError):  # it may have lingered long enough
        await api.env.client.get_workflow_handle(thread_workflow_id(thread)).terminate()
    third = await start(http, thread, "steps", {"tag": "t"})
    wanted = [event for event in await history(http, thread, 2) if third in event["event_id"]]
    async with following(http, thread, since=had) as again:
        await again.ended()
    assert again.seen == wanted


async def test_who_is_connected_is_told_of_runs_behind_deleted_ones(
    http: httpx.AsyncClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = new_thread()
    async with following(http, (await client.threads.create(thread_id=thread))["thread_id"]) as live:
        first, second = [await start(http, thread, "steps", {"tag": "t"}) for _ in range(2)]
        await live.ended(2)
        for run in (first, second):
            await client.runs.delete(thread, run)
        third, fourth = [await start(http, thread, "steps", {"tag": "t"}) for _ in range(2)]
        found = await live.ended(2)
        assert all(third in event["event_id"] or fourth in event["event_id"] for event in found)
        async with following(http, thread) as late:
            await late.ended(2)
            assert [event["event_id"] for event in late.seen] == [event["event_id"] for event in found]
            await start(http, thread, "steps", {"tag": "t"})
            assert await late.ended() == await live.ended()


async def test_a_thread_of_the_same_name_is_another_one(http: httpx.AsyncClient, client: Client) -> None:
    thread, _ = await ran(http, "steps", {"tag": "t"})
    async with following(http, thread) as events:
        await events.ended()
        await client.threads.delete(thread)
        await start(http, thread, "steps", {"tag": "t"})
        with pytest.raises(AssertionError, match="has ended"):
            await events.until(is_end)
