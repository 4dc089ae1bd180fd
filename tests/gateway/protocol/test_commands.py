"""Commands: each field of `run.start` is honoured or refused by its name, and answers are answered."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest
from support.gateways import Client, Served
from support.protocol import command, following, history, new_thread, start, states, told

from perdure import RunScope, RunSpec, RunStatus

HONOURED: list[tuple[str, dict[str, Any], Any]] = [
    # A graph, what is asked, and what its run is then.
    ("tone", {"context": {"tone": "kind"}}, {"values": {"heard": "kind"}}),
    ("tone", {"config": {"configurable": {"tone": "kind"}}}, {"values": {"heard": "kind"}}),
    ("steps", {"durability": "exit"}, {"kwargs": {"durability": "exit"}}),
    ("steps", {"metadata": {"of": "me"}}, {"metadata": {"of": "me"}}),
    ("steps", {"interrupt_before": ["b"]}, {"next": ["b"]}),
    ("steps", {"interrupt_after": "b"}, {"next": ["c"]}),
    ("steps", {"interrupt_after": "*"}, {"next": ["b"]}),
    ("steps", {"multitaskStrategy": "rollback"}, {"multitask_strategy": "rollback"}),
    ("steps", {"multitask_strategy": "interrupt"}, {"multitask_strategy": "interrupt"}),
    (
        "steps",
        {"multitask_strategy": "interrupt", "multitaskStrategy": "interrupt"},
        {"multitask_strategy": "interrupt"},
    ),
    ("steps", {"langsmith_tracer": {"project_name": "p"}}, {}),
    ("steps", {"config": {"recursion_limit": 2}}, {"status": "error"}),
    ("steps", {"a field of tomorrow": 1, "strict_resume": True}, {}),
]


@pytest.mark.parametrize(("graph", "params", "expected"), HONOURED)
async def test_a_field_is_honoured(
    http: httpx.AsyncClient, client: Client, graph: str, params: dict[str, Any], expected: dict[str, Any]
) -> None:
    thread = new_thread()
    run = await start(http, thread, graph, **{"input": {}, **params})
    await history(http, thread)
    shown, state = await client.runs.get(thread, run), await client.threads.get_state(thread)
    for name, value in expected.items():
        found = state[name] if name in ("values", "next") else shown[name]
        assert value.items() <= found.items() if isinstance(value, dict) else found == value, (name, found)


@pytest.mark.parametrize(
    ("modes", "channels"),
    [
        (["values"], {"values"}),
        ("updates", {"updates"}),
        (["messages", "tools", "lifecycle"], {"messages", "tools"}),
        (["tasks", "checkpoints"], {"tasks", "checkpoints"}),
    ],
)
async def test_what_a_run_is_to_tell(http: httpx.AsyncClient, modes: Any, channels: set[str]) -> None:
    thread = new_thread()
    await start(http, thread, "agent", {"messages": ["Paris"]}, stream_mode=modes)
    found = {event["method"] for event in await history(http, thread)}
    assert found == channels | {"lifecycle"}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"assistant_id": None}, "invalid_argument", "assistant_id"),
    ({"assistant_id": 5}, "invalid_argument", "assistant_id"),
    ({"assistant_id": "nothing"}, "unknown_error", "422: "),
    ({"assistant_id": "0b31ec36-1b0e-4b4c-9b0a-0a4d6a0d3b6f"}, "unknown_error", "404: "),
    ({"durability": "now"}, "invalid_argument", "durability"),
    ({"stream_mode": ["x"]}, "invalid_argument", "stream_mode"),
    ({"interrupt_before": 5}, "invalid_argument", "interrupt_before"),
    ({"multitask_strategy": "x"}, "invalid_argument", "multitask_strategy"),
    ({"multitask_strategy": "reject", "multitaskStrategy": "enqueue"}, "invalid_argument", "multitaskStrategy"),
    ({"config": {"configurable": {"checkpoint_id": "x"}}}, "unknown_error", "checkpoint"),
    ({"config": {"configurable": {"checkpoint_id": 5}}}, "invalid_argument", "checkpoint_id"),
    ({"context": {"tone": "a"}, "config": {"configurable": {"b": "c"}}}, "unknown_error", "400: "),
    ({"langsmith_tracer": {"x": "y"}}, "invalid_argument", "langsmith_tracer"),
    ({"on_disconnect": "cancel"}, "invalid_argument", "on_disconnect"),
    ({"on_completion": "delete"}, "invalid_argument", "on_completion"),
    ({"command": {"resume": 1}}, "invalid_argument", "command"),
    ({"update": {"log": []}}, "invalid_argument", "update"),
    ({"if_not_exists": "reject"}, "unknown_error", "404: "),
    ({"metadata": "x"}, "invalid_argument", "metadata"),
]


@pytest.mark.parametrize(("params", "code", "says"), REFUSED)
async def test_a_field_is_refused(
    http: httpx.AsyncClient, client: Client, params: dict[str, Any], code: str, says: str
) -> None:
    thread = new_thread()
    answer = await command(http, thread, "run.start", **{"assistant_id": "steps", "input": {}, **params})
    assert (answer["type"], answer["id"], answer["error"]) == ("error", 7, code), answer
    assert says in answer["message"]
    assert not await client.threads.search(ids=[thread]) or not await client.runs.list(thread)


async def test_a_fork(http: httpx.AsyncClient, client: Client) -> None:
    thread = new_thread()
    await start(http, thread, "steps", {"tag": "one"})
    first = told(await history(http, thread), "checkpoints")
    at = {"configurable": {"checkpoint_id": first[2]["id"], "thread_id": new_thread()}}
    await start(http, thread, "steps", None, config=at)
    both = await history(http, thread, 2)
    assert told(both, "values")[-1]["log"] == ["a:one", "b:one", "c:one"]
    assert [one["name"] for one in told(both, "tasks") if "input" in one] == ["a", "b", "c", "b", "c"]
    await start(http, thread, "steps", None, update={"log": ["new"]}, goto="c")
    assert told(await history(http, thread, 3), "values")[-1]["log"][-2:] == ["new", "c:one"]


async def test_a_command_that_is_repeated_with_its_key(http: httpx.AsyncClient, client: Client) -> None:
    thread = new_thread()
    body: dict[str, Any] = {"id": 7, "method": "run.start", "params": {"assistant_id": "steps", "input": {}}}
    headers = {"Idempotency-Key": "once"}
    answers = [(await http.post(f"/threads/{thread}/commands", json=body, headers=headers)).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(await client.runs.list(thread)) == 1


async def test_a_busy_thread(http: httpx.AsyncClient, client: Client) -> None:
    thread = new_thread()
    first = await start(http, thread, "steps", {"wait": 60})
    begun = time.monotonic()
    params: dict[str, Any] = {"assistant_id": "steps", "input": {}, "multitaskStrategy": "reject"}
    answer = await command(http, thread, "run.start", **params)
    assert (answer["error"], answer["message"][:5]) == ("unknown_error", "409: ")
    assert time.monotonic() - begun < 3, "it was decided at once"
    second = await start(http, thread, "steps", {"tag": "2", "wait": 0})
    await client.runs.cancel(thread, first, wait=True)
    found = await history(http, thread, 2)
    ends = [event["event_id"] for event in found if event["event_id"].endswith(("interrupted", "completed"))]
    assert ends == [f"synth:{first}:lc||interrupted", f"synth:{second}:lc||completed"]


ASKING = {"messages": ["may I?"], "ask": True}


async def test_an_input_is_the_answer_to_the_one_question(http: httpx.AsyncClient, client: Client) -> None:
    thread = new_thread()
    await start(http, thread, "ask", {"question": "q"})
    await history(http, thread)
    await start(http, thread, "ask", {"any": "thing"})
    both = await history(http, thread, 2)
    assert told(both, "values")[-1] == {"question": "q", "answer": {"any": "thing"}}


async def test_an_input_for_several_questions(http: httpx.AsyncClient) -> None:
    thread = new_thread()
    await start(http, thread, "two", {})
    ids = {one["payload"]["of"]: one["interrupt_id"] for one in told(await history(http, thread), "input.requested")}
    refused = await command(http, thread, "run.start", assistant_id="two", input={"any": "thing"})
    assert (refused["error"], "input.respond" in refused["message"]) == ("invalid_argument", True)
    await start(http, thread, "two", {ids["left"]: 1})
    asked = await history(http, thread, 2)
    assert [one["payload"]["of"] for one in told(asked, "input.requested")] == ["left", "right", "right"]
    await start(http, thread, "two", {ids["right"]: 2})
    assert told(await history(http, thread, 3), "values")[-1] == {"answers": [1, 2]}


async def test_an_input_at_a_checkpoint_is_a_new_turn(http: httpx.AsyncClient, client: Client) -> None:
    thread = new_thread()
    await start(http, thread, "ask", {"question": "q"})
    await history(http, thread)
    head = (await client.threads.get_state(thread))["checkpoint"]["checkpoint_id"]
    await start(http, thread, "ask", {"question": "new"}, config={"configurable": {"checkpoint_id": head}})
    both = await history(http, thread, 2)
    assert [one["payload"] for one in told(both, "input.requested")] == [{"question": "q"}, {"question": "new"}]


async def test_answers(http: httpx.AsyncClient, client: Client) -> None:
    thread = new_thread()
    await start(http, thread, "ask", {"question": "q"})
    (asked,) = told(await history(http, thread), "input.requested")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "invalid_argument"),
        ({"interrupt_id": 5}, "invalid_argument"),
        ({"interrupt_id": "x", "response": 1}, "no_such_interrupt"),
        ({"interrupt_id": asked["interrupt_id"], "namespace": "x"}, "invalid_argument"),
        ({"responses": []}, "invalid_argument"),
        ({"responses": ["x"]}, "invalid_argument"),
        ({"responses": [{"interrupt_id": "x", "response": 1}]}, "no_such_interrupt"),
    ]
    for params, code in wrong:
        assert (await command(http, thread, "input.respond", **params))["error"] == code, params
    one = {"interrupt_id": asked["interrupt_id"], "response": "yes", "update": {"question": "other"}}
    said = ("yes", "yes", "no", "no")
    given = await asyncio.gather(*(command(http, thread, "input.respond", **{**one, "response": r}) for r in said))
    won = {response for response, answer in zip(said, given, strict=True) if answer["type"] == "success"}
    assert len(won) == 1, given
    assert all(answer.get("error") in (None, "no_such_interrupt") for answer in given)
    assert (await command(http, thread, "input.respond", **one))["error"] == "no_such_interrupt"
    assert len(await client.runs.list(thread)) == 2
    both = await history(http, thread, 2)
    assert told(both, "values")[-1] == {"question": "other", "answer": won.pop()}


async def test_a_run_that_a_program_holds_open(api: Served, http: httpx.AsyncClient) -> None:
    thread = new_thread()
    spec = RunSpec(
        assistant_id="ask",
        scope=RunScope(thread_id=thread),
        input={"question": "q"},
        stream_modes=("values", "tasks", "checkpoints"),
    )
    record, result = await api.env.runs.create_and_wait(spec)
    assert result.status is RunStatus.AWAITING_INPUT
    async with following(http, thread) as live:
        (asked,) = told(await live.ended(), "input.requested")
        one = {"interrupt_id": asked["interrupt_id"], "response": 5}
        refused = await command(http, thread, "input.respond", **one, update={"question": "x"})
        assert (refused["error"], refused["message"][:6]) == ("invalid_argument", "update")
        assert (await command(http, thread, "input.respond", **one))["result"] == {}
        await live.ended()
        assert states(live.seen) == [("", one) for one in ("running", "interrupted", "running", "completed")]
        assert told(live.seen, "values")[-1] == {"question": "q", "answer": 5}
        assert len({event["event_id"] for event in live.seen}) == len(live.seen)
    assert await history(http, thread, 2) == live.seen
    assert (await api.env.runs.join_wait(record.run_id)).status is RunStatus.SUCCESS


async def test_the_tree(http: httpx.AsyncClient, client: Client) -> None:
    thread = new_thread()
    assert (await command(http, thread, "agent.getTree"))["error"] == "no_such_run"
    first = await start(http, thread, "parent", {"tag": "p"})
    await history(http, thread)
    run = await start(http, thread, "steps", {"wait": 60})
    async with following(http, thread) as live:
        await live.ended()
        await live.until(lambda event: event["method"] == "tasks")
    tree = (await command(http, thread, "agent.getTree"))["result"]["tree"]
    assert tree == {"namespace": [], "status": "running", "graph_name": "steps"}
    await client.runs.cancel(thread, run, wait=True)
    tree = (await command(http, thread, "agent.getTree", run_id=first))["result"]["tree"]
    (child,) = tree.pop("children")
    assert tree == {"namespace": [], "status": "completed", "graph_name": "parent"}
    assert (child["status"], child["graph_name"]) == ("completed", "child")


@pytest.mark.parametrize(
    ("body", "status", "id"),
    [
        ({"id": "x", "method": "run.start"}, 400, "x"),
        ({"method": "run.start"}, 400, None),
        ({"id": 3}, 400, 3),
        ({"id": 3, "method": 5}, 400, 3),
        ([], 400, None),
    ],
)
async def test_what_is_no_command(http: httpx.AsyncClient, body: Any, status: int, id: Any) -> None:
    answer = await http.post(f"/threads/{new_thread()}/commands", json=body)
    assert answer.status_code == status
    message = "Protocol commands must include an integer id and string method."
    assert answer.json() == {"type": "error", "id": id, "error": "invalid_argument", "message": message}


async def test_commands_that_there_are_not(http: httpx.AsyncClient) -> None:
    for method in ("nope", "state.get", "state.listCheckpoints", "state.fork", "input.inject"):
        answer = await command(http, new_thread(), method)
        assert answer == {
            "type": "error",
            "id": 7,
            "error": "unknown_command",
            "message": f"Unknown protocol command: {method}",
        }
    subscribed = await command(http, new_thread(), "subscription.subscribe", channels=["values"])
    assert subscribed["error"] == "not_supported"
    broken = await http.post(f"/threads/{new_thread()}/commands", content=b"{")
    assert (broken.status_code, broken.json()) == (400, {"detail": "Invalid JSON body"})
