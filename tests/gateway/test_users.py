"""Two users: what is the one's is not there for the other, by whatever door they come in."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from langgraph_sdk import Auth
from support.gateways import Served, served

from perdure import ActorContext
from perdure.contracts.gateway_settings import GatewaySettings
from perdure.gateway import Gateway, Serving
from perdure.gateway.app import PARTS

USERS = ("ann", "bob")
DOORS = ("function", "keys", "owners", "nobody else's")


async def by_key(headers: Mapping[str, str]) -> ActorContext | None:
    key = headers.get("x-api-key", "")
    return ActorContext(user_id=key.removeprefix("key-")) if key.startswith("key-") else None


def auth(*, stamps: bool) -> Auth:
    """Of LangGraph's documentation: whose a thing is stands in its metadata. Else no handler says anything."""
    found = Auth()

    @found.authenticate
    async def authenticate(headers: dict[bytes, bytes]) -> str:
        key = headers.get(b"x-api-key", b"").decode()
        if not key.startswith("key-"):
            raise Auth.exceptions.HTTPException(detail="bad token")
        return key.removeprefix("key-")

    if stamps:

        @found.on
        async def add_owner(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> dict[str, str]:
            value.setdefault("metadata", {})["owner"] = ctx.user.identity
            return {"owner": ctx.user.identity}

    return found


@dataclass(frozen=True)
class Door:
    """A gateway, and the keys with which one comes in."""

    gateway: Gateway
    keys: Mapping[str, str]
    refusal: str

    def of(self, user: str | None) -> httpx.AsyncClient:
        headers = {} if user is None else {"x-api-key": self.keys[user]}
        return httpx.AsyncClient(base_url=self.gateway.url, headers=headers, timeout=30, verify=False)


@pytest.fixture(scope="module")
async def api(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    home: Path = tmp_path_factory.mktemp("users")
    async with served(temporal, home) as api:
        yield api


@pytest.fixture(scope="module", params=DOORS)
async def door(api: Served, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    keys, refusal = {user: f"key-{user}" for user in USERS}, "bad token"
    if request.param == "function":
        serving, refusal = Serving(authenticate=by_key), "Unauthorized"
    elif request.param == "keys":
        serving, refusal = Serving(GatewaySettings(api_keys=True)), "Unauthorized"
        keys = {user: (await api.env.runs.api_keys.create(user)).key for user in USERS}
    else:
        serving = Serving(auth=auth(stamps=request.param == "owners"))
    async with Gateway(api.env.runs, host="127.0.0.1", port=0, serving=serving) as gateway:
        yield Door(gateway, keys, refusal)


async def test_nobody_is_let_in(door: Door) -> None:
    async with door.of(None) as nobody:
        for path in ("/ok", "/info", "/docs", "/openapi.json"):
            assert (await nobody.get(path)).status_code == 200
        for method, path in (("POST", "/threads"), ("POST", "/runs/stream"), ("GET", f"/threads/{uuid.uuid4()}")):
            answer = await nobody.request(method, path, json={})
            assert (answer.status_code, answer.json()) == (401, {"detail": door.refusal})
        assert (await nobody.get("/nothing")).status_code == 404
        assert (await nobody.get("/threads")).headers["allow"] == "POST"


BODY: dict[str, Any] = {"assistant_id": "steps", "input": {"tag": "ann"}}
CRON: dict[str, Any] = {"assistant_id": "steps", "schedule": "0 0 1 1 *"}
A, C = "/assistants/{assistant_id}", "/runs/crons/{cron_id}"
T, R = "/threads/{thread_id}", "/threads/{thread_id}/runs/{run_id}"
UI = "/ui/threads/{thread_id}/runs/{run_id}"
LOOKED = ("", "/asked", "/timeline", "/steps", "/events/{seq}", "/stream")
DONE: dict[str, Any] = {
    "answer": {"value": 1},
    "retry": {},
    "fork": {"checkpoint_id": "{checkpoint_id}"},
    "continue": {},
    "cancel": {},
    "interrupt": {},
}
TRIED: list[tuple[str, str, Any, dict[str, str]]] = [
    *(("GET", f"{UI}{part}", None, {}) for part in LOOKED),
    *(("POST", f"{UI}/{act}", body, {}) for act, body in DONE.items()),
    ("GET", "/ui/threads/{thread_id}/history", None, {}),
    ("GET", "/ui/threads/{thread_id}/state", None, {}),
    ("POST", "/ui/threads/{thread_id}/state", {"values": {"tag": "bob"}}, {}),
    ("POST", "/ui/threads/{thread_id}/runs", {"assistant_id": "steps", "input": {"tag": "bob"}}, {}),
    ("GET", T, None, {}),
    ("PATCH", T, {"metadata": {"mine": True}}, {}),
    ("DELETE", T, None, {}),
    ("GET", f"{T}/state", None, {}),
    ("GET", f"{T}/state/{{checkpoint_id}}", None, {}),
    ("POST", f"{T}/state", {"values": {"tag": "bob"}}, {}),
    ("POST", f"{T}/state/checkpoint", {"checkpoint": {}}, {}),
    ("POST", f"{T}/history", {}, {}),
    ("GET", f"{T}/history", None, {}),
    ("GET", f"{T}/stream", None, {}),
    ("GET", f"{T}/stream", None, {"Last-Event-ID": "-"}),
    *(
        ("POST", f"{T}/commands", {"id": 1, "method": method, "params": params}, {})
        for method, params in (("run.start", BODY), ("input.respond", {"interrupt_id": "x"}), ("agent.getTree", {}))
    ),
    ("POST", f"{T}/stream/events", {"channels": ["values"]}, {}),
    ("POST", f"{T}/stream/events", {"channels": ["values"]}, {"Last-Event-ID": "1"}),
    ("GET", f"{T}/runs", None, {}),
    ("POST", f"{T}/runs", BODY, {}),
    ("POST", f"{T}/runs", BODY, {"Idempotency-Key": "ann"}),
    ("POST", f"{T}/runs/wait", BODY, {}),
    ("POST", f"{T}/runs/stream", {**BODY, "if_not_exists": "create"}, {}),
    ("GET", R, None, {}),
    ("GET", f"{R}/join", None, {}),
    ("GET", f"{R}/stream", None, {}),
    ("GET", f"{R}/stream", None, {"Last-Event-ID": "1"}),
    ("POST", f"{R}/cancel", {}, {}),
    ("DELETE", R, None, {}),
    ("GET", "/runs/{run_id}", None, {}),
    ("GET", "/runs/{run_id}/stream", None, {"Last-Event-ID": "1"}),
    ("POST", "/runs/cancel", {"thread_id": "{thread_id}", "run_ids": ["{run_id}"]}, {}),
    ("POST", f"{T}/copy", None, {}),
    ("POST", f"{T}/runs/crons", CRON, {}),
    ("POST", "/runs/crons", {**CRON, "assistant_id": "{assistant_id}"}, {}),
    ("GET", C, None, {}),
    ("PATCH", C, {"enabled": False}, {}),
    ("DELETE", C, None, {}),
    ("GET", A, None, {}),
    ("GET", f"{A}/graph", None, {}),
    ("PATCH", A, {"name": "mine"}, {}),
    ("DELETE", A, None, {}),
    ("POST", f"{A}/versions", {}, {}),
    ("POST", f"{A}/latest", {"version": 1}, {}),
    ("POST", "/runs", {**BODY, "assistant_id": "{assistant_id}"}, {}),
    ("POST", "/threads", {"thread_id": "{thread_id}"}, {}),
    ("POST", "/threads", {"thread_id": "{thread_id}", "if_exists": "do_nothing"}, {}),
]
"""What one user tries with another's ids."""


def test_all_routes_of_threads_and_runs_are_tried() -> None:
    routes = (route for routers in PARTS.values() for router in routers for route in router.routes)
    owned = ("{thread_id}", "{run_id}", "{cron_id}")
    wanted = {
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute) and any(name in route.path for name in owned)
        for method in route.methods or ()
    }
    assert wanted <= {(method, path) for method, path, _, _ in TRIED}


async def test_another_users_things_are_not_found(door: Door) -> None:
    async with door.of("ann") as ann, door.of("bob") as bob:
        thread = (await ann.post("/threads", json={"metadata": {"secret": 1}})).json()["thread_id"]
        run = (await ann.post(f"/threads/{thread}/runs", json=BODY)).json()["run_id"]
        assert (await ann.get(f"/threads/{thread}/runs/{run}/join")).json()["tag"] == "ann"
        made = (await ann.post("/assistants", json={"graph_id": "steps"})).json()["assistant_id"]
        cron = (await ann.post(f"/threads/{thread}/runs/crons", json=CRON)).json()["cron_id"]
        checkpoint = (await ann.get(f"/threads/{thread}/state")).json()["checkpoint"]["checkpoint_id"]
        ids = {"thread_id": thread, "run_id": run, "checkpoint_id": checkpoint}
        ids |= {"assistant_id": made, "cron_id": cron, "seq": "1"}
        for method, path, body, headers in TRIED:
            content = filled(body, ids)
            answer = await bob.request(method, path.format(**ids), json=content, headers=headers)
            assert answer.status_code == 404, (method, path, answer.text)
        assert (await bob.post("/threads/prune", json={"thread_ids": [thread]})).json() == {"pruned_count": 0}
        latest = {"thread_ids": [thread], "strategy": "keep_latest"}
        assert (await bob.post("/threads/prune", json=latest)).json() == {"pruned_count": 0}
        for search in ({}, {"metadata": {"secret": 1}}, {"values": {"tag": "ann"}}, {"ids": [thread]}):
            found = await bob.post("/threads/search", json=search)
            assert (found.json(), found.headers["x-pagination-total"]) == ([], "0")
        assert (await bob.post("/threads/count", json={})).json() == 0
        for listed in ("/ui/runs", f"/ui/runs?thread={thread}", f"/ui/runs?before={run}"):
            assert run not in [one["run_id"] for one in (await bob.get(listed)).json().get("runs", [])]
        assert run in [one["run_id"] for one in (await ann.get("/ui/runs")).json()["runs"]]
        assert (await bob.post("/runs/crons/search", json={})).json() == []
        names = [one["assistant_id"] for one in (await bob.post("/assistants/search", json={"limit": 100})).json()]
        assert made not in names
        taken = await bob.post(
            "/assistants", json={"graph_id": "steps", "assistant_id": made, "if_exists": "do_nothing"}
        )
        assert taken.status_code == 409
        assert (await bob.post("/runs/cancel", json={"status": "all"})).status_code == 404
        mine = (await ann.post("/threads/search", json={"metadata": {"secret": 1}})).json()
        assert thread in [one["thread_id"] for one in mine]
        assert (await ann.get(f"/threads/{thread}")).json()["values"]["tag"] == "ann"
        assert (await ann.delete(f"/threads/{thread}")).status_code == 204


def filled(body: Any, ids: Mapping[str, str]) -> Any:
    """The body with another's ids in it."""
    if isinstance(body, dict):
        return {key: filled(value, ids) for key, value in body.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(body, list):
        return [filled(value, ids) for value in body]  # pyright: ignore[reportUnknownVariableType]
    return body.format(**ids) if isinstance(body, str) else body


async def test_a_stateless_run_is_its_users(door: Door) -> None:
    async with door.of("ann") as ann, door.of("bob") as bob:
        run = (await ann.post("/runs", json={**BODY, "on_completion": "keep"})).json()
        for path in (f"/runs/{run['run_id']}", f"/runs/{run['run_id']}/stream", f"/threads/{run['thread_id']}/state"):
            assert (await bob.get(path)).status_code == 404
        assert (await ann.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}/join")).json()["tag"] == "ann"


async def test_the_same_key_of_two_users_is_two_runs(door: Door) -> None:
    body, headers = {"assistant_id": "steps", "input": {"tag": "k"}}, {"Idempotency-Key": str(uuid.uuid4())}
    async with door.of("ann") as ann, door.of("bob") as bob:
        runs = [(await user.post("/runs", json=body, headers=headers)).json()["run_id"] for user in (ann, bob, ann)]
    assert runs[0] == runs[2] != runs[1]


async def test_a_user_has_the_namespaces_that_begin_with_his_id(door: Door) -> None:
    item = {"namespace": ["ann", "memories"], "key": "k", "value": {"n": 1}}
    async with door.of("ann") as ann, door.of("bob") as bob:
        assert (await ann.put("/store/items", json=item)).status_code == 204
        found = await ann.get("/store/items", params={"namespace": "ann.memories", "key": "k"})
        assert found.json()["value"] == {"n": 1}
        tried: list[tuple[str, str, Any]] = [
            ("PUT", "/store/items", item),
            ("GET", "/store/items?namespace=ann.memories&key=k", None),
            ("DELETE", "/store/items", {"namespace": ["ann", "memories"], "key": "k"}),
            ("POST", "/store/items/search", {"namespace_prefix": ["ann"]}),
            ("POST", "/store/items/search", {"namespace_prefix": []}),
            ("POST", "/store/namespaces", {}),
            ("POST", "/store/namespaces", {"prefix": ["ann"]}),
        ]
        for method, path, body in tried:
            answer = await bob.request(method, path, json=body)
            assert answer.status_code == 403, (method, path, answer.text)
        found = await ann.post("/store/items/search", json={"namespace_prefix": ["ann"]})
        assert [one["key"] for one in found.json()["items"]] == ["k"]


async def test_who_asks_is_told_to_nodes_and_to_nobody_else(door: Door) -> None:
    spoofed = {"langgraph_auth_user": {"identity": "bob"}, "langgraph_auth_user_id": "bob"}
    async with door.of("ann") as ann:
        body = {"assistant_id": "who", "input": {}, "config": {"configurable": spoofed}}
        values = (await ann.post("/runs/wait", json=body)).json()
        assert (values["user"][:2], values["owner"]) == (["ann", "ann"], "ann")
        run = (await ann.post("/runs", json=body)).json()
        assert not [key for key in run["kwargs"]["config"]["configurable"] if key.startswith("langgraph_auth")]


RPC = {"accept": "application/json, text/event-stream"}


def rpc(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def called(user: httpx.AsyncClient, tool: str) -> Any:
    """The answer to a call by MCP."""
    answer = await user.post("/mcp", json=rpc("tools/call", name=tool, arguments={"tag": "m"}), headers=RPC)
    return json.loads(next(line for line in answer.text.splitlines() if line.startswith("data: {"))[6:])


async def test_other_protocols_are_for_the_same_users(door: Door) -> None:
    async with door.of(None) as nobody:
        for path in ("/mcp", "/a2a/steps", "/ag-ui/steps"):
            assert (await nobody.post(path, json={})).status_code == 401
        assert (await nobody.get("/a2a/steps/.well-known/agent-card.json")).status_code == 401


async def test_a_tool_is_its_users(door: Door) -> None:
    async with door.of("ann") as ann, door.of("bob") as bob:
        made = (await ann.post("/assistants", json={"graph_id": "who", "name": "w"})).json()["assistant_id"]
        tool = f"w-{made}"
        assert (await called(ann, tool))["result"]["structuredContent"]["owner"] == "ann"
        assert (await called(bob, tool))["error"]["message"] == f"Unknown tool: {tool}"
        for user, found in ((ann, True), (bob, False)):
            listed = await user.post("/mcp", json=rpc("tools/list"), headers=RPC)
            assert (tool in listed.text) is found
        assert (await bob.get(f"/a2a/{made}/.well-known/agent-card.json")).status_code == 404


async def test_a_task_is_its_users(door: Door) -> None:
    part = {"kind": "data", "data": {"tag": "a"}}
    async with door.of("ann") as ann, door.of("bob") as bob:
        message = {"messageId": str(uuid.uuid4()), "role": "user", "parts": [part]}
        task = (await ann.post("/a2a/steps", json=rpc("message/send", message=message))).json()["result"]
        assert task["status"]["state"] == "completed"
        assert (await ann.get(f"/threads/{task['contextId']}")).status_code == 200
        theirs = {**message, "messageId": "b", "contextId": task["contextId"]}
        for tried in (
            rpc("tasks/get", id=task["id"]),
            rpc("tasks/cancel", id=task["id"]),
            rpc("message/send", message={**theirs, "taskId": task["id"]}),
            rpc("message/send", message=theirs),
        ):
            assert is_refused(await bob.post("/a2a/steps", json=tried)), tried
        assert "result" in (await ann.post("/a2a/steps", json=rpc("tasks/get", id=task["id"]))).json()


def is_refused(answer: httpx.Response) -> bool:
    """By the protocol, or at the door, where a filter is asked first."""
    return answer.status_code == 404 or answer.json()["error"]["code"] == -32001


async def test_a_thread_of_a_page_is_its_users(door: Door) -> None:
    ids = {"threadId": str(uuid.uuid4()), "runId": str(uuid.uuid4())}
    async with door.of("ann") as ann, door.of("bob") as bob:
        body: dict[str, Any] = {**ids, "messages": [], "state": {"tag": "p"}}
        assert "RUN_FINISHED" in (await ann.post("/ag-ui/steps", json=body)).text
        assert (await ann.get(f"/threads/{ids['threadId']}")).json()["values"]["tag"] == "p"
        assert (await bob.post("/ag-ui/steps", json=body)).status_code == 404
        assert (await bob.post("/ag-ui/steps", json={**body, "runId": "other"})).status_code == 404
        assert (await bob.post("/ag-ui/steps", json={**body, "threadId": str(uuid.uuid4())})).status_code == 422
        named: dict[str, Any] = {
            "threadId": f"mine {ids['threadId']}",
            "runId": "first",
            "messages": [],
            "state": {"tag": "n"},
        }
        for user in (ann, bob):
            assert "RUN_FINISHED" in (await user.post("/ag-ui/steps", json=named)).text
        for thread in (await bob.post("/threads/search", json={"limit": 100})).json():
            await bob.delete(f"/threads/{thread['thread_id']}")
