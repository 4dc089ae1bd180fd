"""`/ag-ui/{assistant}`: each event is one of the protocol's own types, and the order is as its specification has it."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ag_ui.core import Event, EventType
from graphs.agents import loop_of, scripted
from graphs.api import WORDS
from graphs.talk import talking
from langchain_core.tools import tool
from pydantic import TypeAdapter
from support.gateways import Served, served
from support.servers import until

from perdure import RunStatus

EVENT: TypeAdapter[Any] = TypeAdapter(Event)
ENDS = (EventType.RUN_FINISHED, EventType.RUN_ERROR)
OPENED = {"TEXT_MESSAGE": "message_id", "TOOL_CALL": "tool_call_id", "REASONING": "message_id"}


@tool
async def weather(city: str) -> str:
    """What it is like outside."""
    return f"sunny in {city}"


def graphs() -> dict[str, Any]:
    looping = loop_of(scripted([("weather", {"city": "Paris"})]), [weather])
    return {**talking(), "loop": looping}


@pytest.fixture(scope="module")
async def api(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    home: Path = tmp_path_factory.mktemp("ag_ui")
    async with served(temporal, home, graphs()) as api:
        yield api


def given(*said: str, thread: str | None = None, **more: Any) -> dict[str, Any]:
    """A `RunAgentInput`, in which the user has said this."""
    messages = [{"id": f"u-{text}", "role": "user", "content": text} for text in said]
    ids = {"threadId": thread or str(uuid.uuid4()), "runId": str(uuid.uuid4())}
    return {**ids, "messages": messages, "tools": [], "context": [], "state": {}, "forwardedProps": {}, **more}


async def run(api: Served, assistant: str, body: dict[str, Any]) -> list[Any]:
    answer = await api.http.post(f"/ag-ui/{assistant}", json=body)
    assert answer.status_code == 200, answer.text
    assert "\r" not in answer.text
    events = [EVENT.validate_python(json.loads(line[6:])) for line in answer.text.splitlines() if line]
    check_order(events, body)
    return events


def check_order(events: list[Any], body: dict[str, Any]) -> None:
    """What the specification says of each stream."""
    assert events[0].type is EventType.RUN_STARTED
    assert (events[0].thread_id, events[0].run_id) == (body["threadId"], body["runId"])
    assert [event.type for event in events if event.type in ENDS] == [events[-1].type]
    unfinished: set[tuple[str, str]] = set()
    for event in events:
        kind, _, what = event.type.value.rpartition("_")
        name = getattr(event, "step_name", None) or getattr(event, OPENED.get(kind, ""), None)
        if what in ("START", "STARTED") and kind != "RUN":
            assert (kind, name) not in unfinished
            unfinished.add((kind, str(name)))
        elif what in ("END", "FINISHED") and kind != "RUN":
            unfinished.remove((kind, str(name)))
    assert events[-1].type is EventType.RUN_ERROR or not unfinished


def types(events: list[Any]) -> list[str]:
    return [event.type.value for event in events]


def of(events: list[Any], kind: EventType) -> list[Any]:
    return [event for event in events if event.type is kind]


async def test_a_conversation(api: Served) -> None:
    first = given("weather?")
    events = await run(api, "chat", first)
    assert types(events)[:3] == ["RUN_STARTED", "STEP_STARTED", "TEXT_MESSAGE_START"]
    assert types(events)[-2:] == ["MESSAGES_SNAPSHOT", "RUN_FINISHED"]
    assert "".join(event.delta for event in of(events, EventType.TEXT_MESSAGE_CONTENT)) == WORDS
    shown = events[-2].messages
    assert [(one.role, one.content) for one in shown] == [("user", "weather?"), ("assistant", WORDS)]
    assert (events[-1].outcome.type, events[0].protocol_version) == ("success", "1.0")

    history = [one.model_dump(by_alias=True) for one in shown]
    more = given(thread=first["threadId"])
    more["messages"] = [*history, {"id": "u-2", "role": "user", "content": "and now?"}]
    events = await run(api, "chat", more)
    assert [one.content for one in of(events, EventType.MESSAGES_SNAPSHOT)[-1].messages] == [
        "weather?",
        WORDS,
        "and now?",
        WORDS,
    ]
    record = await api.client.runs.get(first["threadId"], more["runId"])
    assert record["status"] == "success"


async def test_an_answer_is_told_again_from_an_older_message(api: Served) -> None:
    first = given("one")
    await run(api, "chat", first)
    second = given("one", thread=first["threadId"])
    second["messages"] = [{"id": "u-one", "role": "user", "content": "another one"}]
    events = await run(api, "chat", second)
    assert [one.content for one in of(events, EventType.MESSAGES_SNAPSHOT)[-1].messages] == ["another one", WORDS]


async def test_the_same_run_is_told_again(api: Served) -> None:
    body = given("once")
    first, second = await run(api, "chat", body), await run(api, "chat", body)
    assert types(first) == types(second)
    assert len(await api.env.runs.list_runs(body["threadId"])) == 1


async def test_steps_and_state(api: Served) -> None:
    body = given(state={"tag": "s", "unknown": 1})
    events = await run(api, "steps", body)
    assert [one.step_name for one in of(events, EventType.STEP_FINISHED)] == ["a", "b", "c"]
    states = [one.snapshot for one in of(events, EventType.STATE_SNAPSHOT)]
    assert (states[0], states[-1]) == ({"tag": "s", "log": []}, {"tag": "s", "log": ["a:s", "b:s", "c:s"]})
    # What comes back as it was shown is not applied again.
    again = given(thread=body["threadId"], state={**states[-1], "tag": "t"})
    events = await run(api, "steps", again)
    assert of(events, EventType.STATE_SNAPSHOT)[-1].snapshot["log"] == ["a:s", "b:s", "c:s", "a:t", "b:t", "c:t"]


async def test_tools(api: Served) -> None:
    events = await run(api, "loop", given("go"))
    start, result = of(events, EventType.TOOL_CALL_START)[0], of(events, EventType.TOOL_CALL_RESULT)[0]
    arguments = "".join(one.delta for one in of(events, EventType.TOOL_CALL_ARGS))
    assert (start.tool_call_name, json.loads(arguments)) == ("weather", {"city": "Paris"})
    assert (result.tool_call_id, result.content) == (start.tool_call_id, "sunny in Paris")
    assert events[-1].outcome.pending_tool_call_ids is None
    calls = of(events, EventType.MESSAGES_SNAPSHOT)[-1].messages[1].tool_calls
    assert [(one.id, one.function.name) for one in calls] == [("call-0", "weather")]


@pytest.mark.parametrize("newer", [True, False])
async def test_a_question_and_its_answer(api: Served, newer: bool) -> None:
    body = given(state={"question": "really?"})
    events = await run(api, "ask", body)
    asked = events[-1].outcome.interrupts[0]
    assert (events[-1].outcome.type, asked.message) == ("interrupt", "really?")
    assert of(events, EventType.CUSTOM)[0].value == {"question": "really?"}
    refused = await api.http.post("/ag-ui/ask", json=given(thread=body["threadId"]))
    assert (refused.status_code, asked.id in refused.text) == (409, True)

    entry = {"interruptId": asked.id, "status": "resolved", "payload": {"ok": True}}
    unknown = {"interruptId": "0" * 32, "status": "cancelled"}
    more = {"resume": [entry, unknown]} if newer else {"forwardedProps": {"command": {"resume": {"ok": True}}}}
    events = await run(api, "ask", given(thread=body["threadId"], **more))
    assert events[-1].outcome.type == "success"
    assert of(events, EventType.STATE_SNAPSHOT)[-1].snapshot["answer"] == {"ok": True}


async def test_a_failure_is_the_last_event(api: Served) -> None:
    events = await run(api, "fails", given())
    assert (events[-1].type, events[-1].message, events[-1].code) == (EventType.RUN_ERROR, "boom", "ValueError")


async def test_who_leaves_stops_the_run(api: Served) -> None:
    body = given(state={"tag": "left", "wait": 30.0})
    async with api.http.stream("POST", "/ag-ui/steps", json=body) as answer:
        await anext(answer.aiter_bytes())

    async def stopped() -> bool:
        run = await api.env.runs.get_run(body["runId"])
        return run is not None and run.status is RunStatus.INTERRUPTED

    await until(stopped)
    events = await run(api, "steps", body)
    assert events[-1].outcome.type == "cancelled"


async def test_a_thread_may_have_any_name(api: Served) -> None:
    body = {**given("hi", thread="my thread"), "runId": "r/1"}
    await run(api, "chat", body)
    events = await run(api, "chat", {**given("hi", "again", thread="my thread"), "runId": "r/2"})
    assert len(of(events, EventType.MESSAGES_SNAPSHOT)[-1].messages) == 4


@pytest.mark.parametrize(
    ("assistant", "body", "status"),
    [
        ("chat", {}, 422),
        ("chat", {"threadId": 5, "runId": "r", "messages": []}, 422),
        ("chat", {"threadId": "t", "runId": "r", "messages": [{"role": "nobody"}]}, 422),
        ("nothing", given(), 422),
        ("01a22d82-d257-74a4-a161-d57fcb7d507d", given(), 404),
    ],
)
async def test_what_is_no_input(api: Served, assistant: str, body: Any, status: int) -> None:
    answer = await api.http.post(f"/ag-ui/{assistant}", json=body)
    assert answer.status_code == status, answer.text
    assert (await api.http.post("/ag-ui/chat", content=b"{")).status_code == 422


async def test_images_and_what_the_page_offers_reach_the_graph(api: Served) -> None:
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image", "source": {"type": "url", "value": "https://example.org/a.png"}},
    ]
    body = given(tools=[{"name": "paint", "description": "", "parameters": {}}])
    body["messages"] = [{"id": "u", "role": "user", "content": parts}]
    events = await run(api, "chat", body)
    shown = of(events, EventType.MESSAGES_SNAPSHOT)[-1].messages[0]
    assert [part.type for part in shown.content] == ["text", "image"]
    spec = await api.env.runs.get_spec(body["runId"])
    assert spec.runnable_config["configurable"]["ag_ui"]["tools"][0]["name"] == "paint"
