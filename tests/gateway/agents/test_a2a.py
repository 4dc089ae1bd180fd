"""`/a2a/{assistant}`, by the protocol's own client, in both of its versions."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import get_artifact_text, get_data_parts, new_data_part, new_text_part
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import A2AError
from graphs.api import WORDS
from graphs.talk import talking
from support.gateways import Served, served

from perdure.gateway import Gateway


@pytest.fixture(scope="module")
async def api(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    home: Path = tmp_path_factory.mktemp("a2a")
    async with served(temporal, home, talking()) as api:
        yield api


@pytest.fixture(params=["1.0", "0.3"])
def version(request: pytest.FixtureRequest) -> str:
    return request.param


@asynccontextmanager
async def agent(
    at: Served | Gateway, assistant: str, version: str = "1.0", *, streams: bool = True
) -> AsyncGenerator[Client]:
    """By its card, with the one interface that speaks this version."""
    gateway = at.gateway if isinstance(at, Served) else at
    async with httpx.AsyncClient(timeout=30) as http:
        card = await A2ACardResolver(http, f"{gateway.url}/a2a/{assistant}").get_agent_card()
        wanted = [one for one in card.supported_interfaces if one.protocol_version == version]
        del card.supported_interfaces[:]
        card.supported_interfaces.extend(wanted)
        yield ClientFactory(ClientConfig(httpx_client=http, streaming=streams)).create(card)


def message(*parts: Part | str, **more: Any) -> SendMessageRequest:
    given = [new_text_part(one) if isinstance(one, str) else one for one in parts]
    return SendMessageRequest(message=Message(message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=given, **more))


async def sent(client: Client, request: SendMessageRequest) -> list[StreamResponse]:
    return [event async for event in client.send_message(request)]


async def task_after(client: Client, request: SendMessageRequest) -> Task:
    events = await sent(client, request)
    assert [event.WhichOneof("payload") for event in events] == ["task"]
    return events[0].task


async def test_the_card(api: Served) -> None:
    card = (await api.http.get("/a2a/chat/.well-known/agent-card.json")).json()
    assert card == (await api.http.get("/.well-known/agent-card.json", params={"assistant_id": "chat"})).json()
    assert (card["name"], card["capabilities"]["streaming"]) == ("chat", True)
    assert {one["protocolVersion"] for one in card["supportedInterfaces"]} == {"1.0", "0.3"}
    assert card["url"] == f"{api.gateway.url}/a2a/chat"
    steps = (await api.http.get("/a2a/steps/.well-known/agent-card.json")).json()
    assert steps["defaultInputModes"] == ["application/json"]
    assert "tag, wait, log" in steps["skills"][0]["description"]
    assert (await api.http.get("/a2a/nothing/.well-known/agent-card.json")).status_code == 404
    assert (await api.http.post("/a2a/nothing", json={})).status_code == 404


async def test_a_message_is_answered(api: Served, version: str) -> None:
    async with agent(api, "chat", version, streams=False) as client:
        first = await task_after(client, message("weather?"))
        assert first.status.state == TaskState.TASK_STATE_COMPLETED
        assert [get_artifact_text(one) for one in first.artifacts] == [WORDS]
        again = await task_after(client, message("and now?", context_id=first.context_id))
        assert (again.context_id, again.id != first.id) == (first.context_id, True)
        assert [one.parts[0].text for one in again.history] == ["weather?", WORDS, "and now?", WORDS]
        found = await client.get_task(GetTaskRequest(id=first.id, history_length=1))
        assert (found.status.state, len(found.history)) == (TaskState.TASK_STATE_COMPLETED, 1)
    thread = await api.client.threads.get(first.context_id)
    assert len(thread["values"]["messages"]) == 4


async def test_tokens_are_streamed(api: Served, version: str) -> None:
    async with agent(api, "chat", version) as client:
        events = await sent(client, message("weather?"))
    kinds = [event.WhichOneof("payload") for event in events]
    assert (kinds[0], kinds[-1]) == ("task", "status_update")
    assert events[0].task.status.state in (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)
    told = [event.artifact_update for event in events if event.HasField("artifact_update")]
    assert "".join(get_artifact_text(one.artifact) for one in told) == WORDS
    assert ([one.append for one in told], told[-1].last_chunk) == ([False] + [True] * (len(told) - 1), True)
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED


async def test_data_is_the_state_of_a_graph(api: Served, version: str) -> None:
    async with agent(api, "steps", version, streams=False) as client:
        task = await task_after(client, message(new_data_part({"tag": "d", "wait": 0})))
        assert get_data_parts(task.artifacts[0].parts) == [{"tag": "d", "wait": 0, "log": ["a:d", "b:d", "c:d"]}]
        with pytest.raises(A2AError, match="tag, wait, log"):
            await sent(client, message("only words"))


async def test_a_question_is_answered_by_the_next_message(api: Served, version: str) -> None:
    async with agent(api, "ask", version, streams=False) as client:
        asked = await task_after(client, message(new_data_part({"question": "really?"})))
        assert asked.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        assert asked.status.message.parts[0].text == "really?"
        answer = message(new_data_part({"approved": True}), task_id=asked.id, context_id=asked.context_id)
        done = await task_after(client, answer)
        assert (done.id, done.status.state) == (asked.id, TaskState.TASK_STATE_COMPLETED)
        assert get_data_parts(done.artifacts[0].parts)[0]["answer"] == {"approved": True}
        with pytest.raises(A2AError, match="does not wait"):
            await sent(client, answer)


async def test_a_question_in_a_stream(api: Served, version: str) -> None:
    async with agent(api, "ask", version) as client:
        events = await sent(client, message(new_data_part({"question": "q"})))
        assert events[-1].status_update.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        answer = message("yes", task_id=events[0].task.id, context_id=events[0].task.context_id)
        events = await sent(client, answer)
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED
    state = next(event.artifact_update for event in events if event.HasField("artifact_update"))
    assert get_data_parts(state.artifact.parts)[0]["answer"] == "yes"


class AtOnce:
    """The runs, of which each has come to rest when one has been told that it goes on."""

    def __init__(self, runs: Any) -> None:
        self._runs = runs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runs, name)

    async def resume(self, run_id: str, value: Any) -> None:
        await self._runs.resume(run_id, value)
        await self._runs.join_wait(run_id)


def states_of(events: list[StreamResponse]) -> list[TaskState]:
    told = [
        one.task if one.HasField("task") else one.status_update for one in events if not one.artifact_update.task_id
    ]
    return [one.status.state for one in told]


async def test_states_never_go_back(api: Served, version: str) -> None:
    runs: Any = AtOnce(api.env.runs)
    async with Gateway(runs, host="127.0.0.1", port=0) as gateway, agent(gateway, "ask", version) as client:
        asked = await sent(client, message(new_data_part({"question": "q"})))
        task = asked[0].task
        waits = [event async for event in client.subscribe(SubscribeToTaskRequest(id=task.id))]
        assert {*states_of(waits)} == {TaskState.TASK_STATE_INPUT_REQUIRED}
        events = await sent(client, message("yes", task_id=task.id, context_id=task.context_id))
        working, completed = TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_COMPLETED
        assert states_of(events) == [working, working, completed]
        assert events[-1].HasField("status_update")


async def test_a_message_that_is_sent_again_is_told_of_its_end(api: Served, version: str) -> None:
    request = message("once")
    async with agent(api, "chat", version) as client:
        await sent(client, request)
        events = await sent(client, request)
    assert {*states_of(events)} == {TaskState.TASK_STATE_COMPLETED}
    assert get_artifact_text(events[0].task.artifacts[0]) == WORDS


async def test_a_task_is_followed_and_cancelled(api: Served, version: str) -> None:
    request = message(new_data_part({"tag": "c", "wait": 30}))
    request.configuration.return_immediately = True
    async with (
        agent(api, "steps", version, streams=False) as client,
        agent(api, "steps", version) as follower,
    ):
        task = await task_after(client, request)
        assert task.status.state in (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)
        followed = follower.subscribe(SubscribeToTaskRequest(id=task.id))
        assert (await anext(followed)).task.id == task.id
        cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
        assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
        events = [event async for event in followed]
        assert events[-1].status_update.status.state == TaskState.TASK_STATE_CANCELED
        with pytest.raises(A2AError):
            await client.cancel_task(CancelTaskRequest(id=task.id))
        with pytest.raises(A2AError):
            await client.get_task(GetTaskRequest(id=f"{uuid.uuid4()}:{uuid.uuid4()}"))


async def test_a_failure_says_why(api: Served) -> None:
    async with agent(api, "fails", streams=False) as client:
        task = await task_after(client, message(new_data_part({})))
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert task.status.message.parts[0].text == "ValueError: boom"


async def test_the_same_message_is_the_same_task(api: Served) -> None:
    request = message("once")
    async with agent(api, "chat", streams=False) as client:
        first, second = [await task_after(client, request) for _ in range(2)]
        assert (first.id, len(first.history)) == (second.id, len(second.history))
        listed = await client.list_tasks(ListTasksRequest(context_id=first.context_id))
    assert [one.id for one in listed.tasks] == [first.id]


async def test_what_is_no_request(api: Served) -> None:
    assert (await api.http.post("/a2a/chat", content=b"{")).json()["error"]["code"] == -32700
    unknown = {"jsonrpc": "2.0", "id": 1, "method": "nothing"}
    assert (await api.http.post("/a2a/chat", json=unknown)).json()["error"]["code"] == -32601
    sent_to = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {"contextId": 5}}}
    assert (await api.http.post("/a2a/chat", json=sent_to)).json()["error"]["code"] in (-32600, -32602)
