"""`Auth` objects of LangGraph: who is let in, what handlers refuse, change and show."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from fastapi import Depends
from langgraph_sdk import Auth
from support.gateways import Served

from perdure.contracts.errors import ConfigError
from perdure.gateway import Gateway, Serving

MODES = ("values", "updates", "messages", "messages-tuple", "events", "debug", "custom", "tasks", "checkpoints")
Value = dict[str, Any]
Context = Auth.types.AuthContext


class Person:
    """A user as an authenticator's own class has it."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.permissions = ["read"]


def naming(auth: Auth) -> Auth:
    """Who calls says who he is."""

    @auth.authenticate
    async def authenticate(authorization: str | None) -> dict[str, Any]:
        name = (authorization or "").removeprefix("Bearer ")
        if not name:
            raise Auth.exceptions.HTTPException(detail="who are you?", headers={"X-Why": "no name"})
        return {"identity": name, "permissions": [f"{name}:all"], "team": "red", "token": "SECRET"}

    return auth


@asynccontextmanager
async def opened(api: Served, auth: Auth) -> AsyncGenerator[Gateway]:
    async with Gateway(api.env.runs, host="127.0.0.1", port=0, serving=Serving(auth=auth)) as gateway:
        yield gateway


def of(gateway: Gateway, user: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=gateway.url, headers={"Authorization": f"Bearer {user}"}, timeout=30, verify=False
    )


async def test_an_authenticator_is_given_what_it_names(api: Served) -> None:
    auth, seen = Auth(), Value()

    @cast("Any", auth.authenticate)
    async def authenticate(
        request: Any, path: str, method: str, path_params: Any, query_params: Any, headers: Any, authorization: str
    ) -> tuple[list[str], str]:
        seen.update(path=path, method=method, params=dict(path_params), query=dict(query_params), auth=authorization)
        seen.update(header=headers[b"authorization"], agent=request.headers["user-agent"])
        return ["read"], "ann"

    thread = "5f0f2a3e-0b9f-4c6f-8d83-0d0b1f9d6f11"
    async with opened(api, auth) as gateway, of(gateway, "ann") as ann:
        assert (await ann.get(f"/threads/{thread}/state?subgraphs=1", headers={"User-Agent": "it"})).status_code == 404
    assert seen == {
        "path": f"/threads/{thread}/state",
        "method": "GET",
        "params": {"thread_id": thread},
        "query": {"subgraphs": "1"},
        "auth": "Bearer ann",
        "header": b"Bearer ann",
        "agent": "it",
    }


async def test_who_asks_is_in_the_config_of_nodes_and_in_no_answer(api: Served) -> None:
    async with opened(api, naming(Auth())) as gateway, of(gateway, "ann") as ann:
        values = (await ann.post("/runs/wait", json={"assistant_id": "who", "input": {}})).json()
        assert values["user"] == ["ann", "ann", "red", ["ann:all"]]
        thread = (await ann.post("/threads", json={})).json()["thread_id"]
        body: Value = {"assistant_id": "who", "input": {}, "stream_mode": [*MODES]}
        run = await ann.post(f"/threads/{thread}/runs", json=body)
        told = [run.text, (await ann.get(f"/threads/{thread}/runs/{run.json()['run_id']}/stream")).text]
        paths = ("", "/state", "/history", "/runs")
        told += [(await ann.get(f"/threads/{thread}{path}")).text for path in paths]
        told.append((await ann.post("/threads/search", json={"ids": [thread]})).text)
    assert "checkpoints" in told[1]
    assert not [text for text in told if "SECRET" in text]


@pytest.mark.parametrize("returned", ["ann", {"identity": "ann"}, Person("ann"), (["read"], "ann")])
async def test_a_user_in_all_its_forms(api: Served, returned: Any) -> None:
    auth = Auth()

    @auth.authenticate
    def authenticate() -> Any:  # no coroutine: it is called aside
        return returned

    async with opened(api, auth) as gateway, of(gateway, "x") as ann:
        values = (await ann.post("/runs/wait", json={"assistant_id": "who", "input": {}})).json()
    assert (values["user"][0], values["owner"]) == ("ann", "ann")


@pytest.mark.parametrize(
    ("raised", "status", "detail"),
    [
        (Auth.exceptions.HTTPException(detail="who are you?"), 401, "who are you?"),
        (Auth.exceptions.HTTPException(status_code=403, detail="not you"), 403, "not you"),
        (RuntimeError("SECRET"), 500, "Internal Server Error"),
        (None, 401, "Unauthorized"),
    ],
)
async def test_who_is_not_let_in(api: Served, raised: Exception | None, status: int, detail: str) -> None:
    auth = Auth()

    @auth.authenticate
    async def authenticate() -> Any:
        if raised is not None:
            raise raised

    async with opened(api, auth) as gateway, of(gateway, "ann") as ann:
        answer = await ann.post("/threads", json={})
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


def test_an_object_that_lets_nobody_in_is_refused_at_the_start(api: Served) -> None:
    wrong = Auth()

    @wrong.authenticate
    async def authenticate(cookie: str) -> str:
        return cookie

    depending = Auth()

    @depending.authenticate
    async def depends(user: Any = Depends(authenticate)) -> str:  # noqa: B008 - as FastAPI has it
        return str(user)

    tried = {"no function under @auth.authenticate": Auth(), "wants cookie": wrong, "wants user": depending}
    for why, auth in tried.items():
        with pytest.raises(ConfigError, match=why):
            Gateway(api.env.runs, host="127.0.0.1", port=0, serving=Serving(auth=auth))


async def test_the_most_specific_handler_is_asked(api: Served) -> None:
    auth, asked = naming(Auth()), list[str]()

    def handler(name: str) -> Any:
        async def note(ctx: Context, value: Value) -> None:
            asked.append(f"{name} {ctx.resource}.{ctx.action} {ctx.user.identity} {[*ctx.permissions]}")

        return note

    auth.on(handler("all"))
    auth.on(actions="read")(handler("action"))
    auth.on.threads(handler("resource"))
    auth.on.threads.create(handler("exact"))
    async with opened(api, auth) as gateway, of(gateway, "ann") as ann:
        thread = (await ann.post("/threads", json={})).json()["thread_id"]
        await ann.get(f"/threads/{thread}")
        await ann.post("/assistants/search", json={})
        await ann.get("/assistants/steps/graph")
        await ann.post("/runs/wait", json={"assistant_id": "who", "input": {}})
    assert asked == [
        "exact threads.create ann ['ann:all']",
        "resource threads.read ann ['ann:all']",
        "all assistants.search ann ['ann:all']",
        "action assistants.read ann ['ann:all']",
        "resource threads.create_run ann ['ann:all']",
    ]


async def refuses(ctx: Context, value: Value) -> bool:
    return False


async def asserts(ctx: Context, value: Value) -> None:
    assert ctx.user.identity == "bob", "only bob"


async def raises(ctx: Context, value: Value) -> None:
    raise Auth.exceptions.HTTPException(status_code=404, detail="no such thing")


async def fails(ctx: Context, value: Value) -> None:
    raise RuntimeError("SECRET")


async def returns_text(ctx: Context, value: Value) -> Any:
    return "yes"


async def returns_operator(ctx: Context, value: Value) -> Any:
    return {"owner": {"$ne": "ann"}}


@pytest.mark.parametrize(
    ("handler", "status", "detail"),
    [
        (refuses, 403, "Forbidden"),
        (asserts, 403, "only bob"),
        (raises, 404, "no such thing"),
        (fails, 500, "Internal Server Error"),
        (returns_text, 500, "an authorization handler has returned a wrong filter: str is no filter"),
        (returns_operator, 500, "the operator '$ne' is none of $eq, $contains"),
    ],
)
async def test_what_a_handler_refuses(api: Served, handler: Any, status: int, detail: str) -> None:
    auth = naming(Auth())
    auth.on(handler)
    async with opened(api, auth) as gateway, of(gateway, "ann") as ann:
        for method, path in (("POST", "/threads"), ("POST", "/runs/wait"), ("POST", "/store/namespaces")):
            answer = await ann.request(method, path, json={"assistant_id": "who", "input": {}})
            assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), answer.text
        broken = await ann.post("/threads", content=b"{")
        assert (broken.status_code, broken.json()) == (422, {"detail": "Invalid JSON in request body"})


async def test_handlers_change_what_is_asked_for(api: Served) -> None:
    auth = naming(Auth())

    @cast("Any", auth.on.threads.create)
    async def stamp(ctx: Context, value: Value) -> None:
        value["metadata"]["owner"] = ctx.user.identity

    @cast("Any", auth.on.threads.create_run)
    async def run(ctx: Context, value: Value) -> None:
        assert value["kwargs"]["input"] == {"tag": "mine"}
        value["metadata"]["by"] = ctx.user.identity
        value["kwargs"]["input"] = {"tag": "theirs"}

    @cast("Any", auth.on.threads.search)
    async def search(ctx: Context, value: Value) -> None:
        value["metadata"]["owner"] = ctx.user.identity

    async with opened(api, auth) as gateway, of(gateway, "stamped") as ann:
        for wrong in ([1], "text", {"metadata": 5}):
            assert (await ann.post("/threads", json=wrong)).status_code == 422
        made = (await ann.post("/threads", json={"metadata": {"owner": "spoofed", "a": 1}})).json()
        assert made["metadata"] == {"owner": "stamped", "a": 1}
        body = {"assistant_id": "steps", "input": {"tag": "mine"}}
        place = f"/threads/{made['thread_id']}/runs"
        assert (await ann.post(f"{place}/wait", json=body)).json()["log"] == ["a:theirs", "b:theirs", "c:theirs"]
        assert (await ann.get(place)).json()[0]["metadata"]["by"] == "stamped"
        batch = (await ann.post("/runs/batch", json=[body, body])).json()
        assert [one["metadata"]["by"] for one in batch] == ["stamped", "stamped"]
        found = (await ann.post("/threads/search", json={"metadata": {"owner": "somebody"}})).json()
        assert [one["thread_id"] for one in found] == [made["thread_id"]]


SHOWN: list[tuple[str, str, Any, str, set[str]]] = [
    ("POST", "/threads", {}, "threads.create", {"thread_id", "metadata", "if_exists"}),
    ("GET", "/threads/{t}", None, "threads.read", {"thread_id"}),
    ("POST", "/threads/{t}/history", {"metadata": {}}, "threads.read", {"thread_id"}),
    ("PATCH", "/threads/{t}", {}, "threads.update", {"thread_id", "metadata"}),
    ("POST", "/threads/search", {}, "threads.search", {"metadata", "values", "status", "limit", "offset"}),
    ("POST", "/threads/count", {}, "threads.search", {"metadata", "values", "status", "limit", "offset"}),
    ("GET", "/threads/{t}/runs", None, "threads.search", {"thread_id", "metadata"}),
    ("POST", "/threads/{t}/runs/{t}/cancel", None, "threads.update", {"thread_id", "metadata", "action"}),
    ("DELETE", "/threads/{t}/runs/{t}", None, "threads.delete", {"thread_id", "run_id"}),
    ("POST", "/threads/prune", {"thread_ids": []}, "threads.delete", {"thread_ids"}),
    ("POST", "/assistants/search", {}, "assistants.search", {"graph_id", "limit", "metadata", "offset"}),
    ("GET", "/assistants/who/graph", None, "assistants.read", {"assistant_id"}),
    (
        "POST",
        "/runs",
        {"assistant_id": "who"},
        "threads.create_run",
        {
            *("after_seconds", "assistant_id", "if_not_exists", "kwargs", "metadata", "multitask_strategy"),
            *("prevent_insert_if_inflight", "run_id", "status", "thread_id"),
        },
    ),
    (
        "PUT",
        "/store/items",
        {"namespace": ["ann"], "key": "k", "value": {}},
        "store.put",
        {"namespace", "key", "value", "index", "ttl"},
    ),
    ("GET", "/store/items?namespace=ann&key=k", None, "store.get", {"key", "namespace", "refresh_ttl"}),
    (
        "POST",
        "/store/items/search",
        {"namespace_prefix": ["ann"]},
        "store.search",
        {"filter", "limit", "namespace", "offset", "query", "refresh_ttl"},
    ),
    (
        "POST",
        "/store/namespaces",
        {"prefix": ["ann"]},
        "store.list_namespaces",
        {"limit", "max_depth", "namespace", "offset", "suffix"},
    ),
    ("DELETE", "/store/items", {"namespace": ["ann"], "key": "k"}, "store.delete", {"key", "namespace"}),
]
"""Each request, its event, and the keys that LangGraph's server (0.16.7) gives the handler."""


async def test_handlers_are_shown_what_langgraphs_server_shows(api: Served) -> None:
    auth, seen = naming(Auth()), list[tuple[str, Value]]()

    @auth.on
    async def note(ctx: Context, value: Value) -> None:
        seen.append((f"{ctx.resource}.{ctx.action}", value))

    async with opened(api, auth) as gateway, of(gateway, "ann") as ann:
        thread = (await ann.post("/threads", json={})).json()["thread_id"]
        assert str(seen[-1][1]["thread_id"]) == thread
        for method, path, body, event, keys in SHOWN:
            answer = await ann.request(method, path.format(t=thread), json=body)
            assert answer.status_code in (200, 204, 404), (path, answer.text)
            told, value = seen[-1]
            assert (told, keys - value.keys()) == (event, set()), path
            ids = [value[name] for name in ("thread_id", "assistant_id") if value.get(name) is not None]
            assert all(isinstance(one, UUID) for one in ids), path


FILTERS: Mapping[str, tuple[Any, bool]] = {
    "equal": ({"team": "red"}, True),
    "operator": ({"team": {"$eq": "red"}}, True),
    "member": ({"people": {"$contains": "bob"}}, True),
    "members": ({"people": {"$contains": ["bob", "ann"]}}, True),
    "both": ({"team": "red", "people": {"$contains": "bob"}}, True),
    "either": ({"$or": [{"team": "blue"}, {"people": {"$contains": "bob"}}]}, True),
    "all groups": ({"$and": [{"team": "red"}, {"n": 1}]}, True),
    "everything": ({}, True),
    "other": ({"team": "blue"}, False),
    "no member": ({"people": {"$contains": ["bob", "eve"]}}, False),
    "no list": ({"team": {"$contains": "red"}}, False),
    "not there": ({"nothing": None}, False),
    "one is not true": ({"n": True}, False),
    "neither": ({"$or": [{"team": "blue"}, {"n": 2}]}, False),
}


@pytest.fixture(scope="module")
async def shared(api: Served) -> AsyncIterator[tuple[Gateway, Value, str]]:
    """What the handler of bob returns can be set. A thread of ann's."""
    auth, shown = naming(Auth()), Value()

    @auth.on.threads
    async def filters(ctx: Context, value: Value) -> Any:
        return shown["filter"] if ctx.user.identity == "bob" else None

    async with opened(api, auth) as gateway, of(gateway, "ann") as ann:
        metadata = {"team": "red", "people": ["ann", "bob", 1], "n": 1}
        thread = (await ann.post("/threads", json={"metadata": metadata})).json()["thread_id"]
        await ann.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "who", "input": {}})
        yield gateway, shown, thread


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_says_whose_threads_are_there(shared: tuple[Gateway, Value, str], name: str) -> None:
    gateway, shown, thread = shared
    shown["filter"], there = FILTERS[name]
    async with of(gateway, "bob") as bob:
        for path in (f"/threads/{thread}", f"/threads/{thread}/runs", f"/threads/{thread}/state"):
            assert (await bob.get(path)).status_code == (200 if there else 404)
        found = await bob.post("/threads/search", json={"ids": [thread]})
        assert [one["thread_id"] for one in found.json()] == ([thread] if there else [])
        assert found.headers["x-pagination-total"] == str(int(there))
        assert ((await bob.post("/threads/count", json={"metadata": {"n": 1}})).json() > 0) is there
        body: Value = {"assistant_id": "who", "input": {}}
        ran = await bob.post(f"/threads/{thread}/runs/wait", json=body)
        assert ran.status_code == (200 if there else 404)
        if there:  # in its owner's name, and bob's wish
            assert (ran.json()["user"][0], ran.json()["owner"]) == ("bob", "ann")
            run = (await bob.get(f"/threads/{thread}/runs")).json()[0]["run_id"]
            assert (await bob.get(f"/runs/{run}/stream", headers={"Last-Event-ID": "1"})).status_code == 200


CRON: Value = {"assistant_id": "who", "schedule": "0 0 1 1 *", "metadata": {"team": "red"}}
RED, BLUE = {"team": "red"}, {"team": "blue"}


@pytest.fixture(scope="module")
async def own(api: Served) -> AsyncIterator[tuple[Gateway, Value, str, str]]:
    """The same of crons and assistants: one of each, of ann's."""
    auth, shown = naming(Auth()), Value()

    async def filters(ctx: Context, value: Value) -> Any:
        return shown["filter"] if ctx.user.identity == "bob" else None

    auth.on.crons(filters)
    auth.on.assistants(filters)
    async with opened(api, auth) as gateway, of(gateway, "ann") as ann:
        cron = (await ann.post("/runs/crons", json=CRON)).json()["cron_id"]
        made = (await ann.post("/assistants", json={"graph_id": "who", "metadata": RED})).json()["assistant_id"]
        yield gateway, shown, cron, made
        await ann.delete(f"/runs/crons/{cron}")
        await ann.delete(f"/assistants/{made}")


@pytest.mark.parametrize(("filter", "there"), [(RED, True), (BLUE, False)])
async def test_a_filter_says_whose_crons_are_there(
    own: tuple[Gateway, Value, str, str], filter: Value, there: bool
) -> None:
    gateway, shown, cron, _ = own
    shown["filter"] = filter
    async with of(gateway, "bob") as bob, of(gateway, "ann") as ann:
        assert (await bob.get(f"/runs/crons/{cron}")).status_code == (200 if there else 404)
        found = await bob.post("/runs/crons/search", json={})
        assert [one["cron_id"] for one in found.json()] == ([cron] if there else [])
        assert (await bob.post("/runs/crons/count", json={})).json() == int(there)
        changed = await bob.patch(f"/runs/crons/{cron}", json={"enabled": False})
        assert changed.status_code == (200 if there else 404)
        assert (await ann.get(f"/runs/crons/{cron}")).json()["user_id"] == "ann"


@pytest.mark.parametrize(("filter", "there"), [(RED, True), (BLUE, False)])
async def test_a_filter_says_whose_assistants_are_there(
    own: tuple[Gateway, Value, str, str], filter: Value, there: bool
) -> None:
    gateway, shown, _, made = own
    shown["filter"] = filter
    async with of(gateway, "bob") as bob:
        for path in (f"/assistants/{made}", f"/assistants/{made}/schemas"):
            assert (await bob.get(path)).status_code == (200 if there else 404)
        names = [one["assistant_id"] for one in (await bob.post("/assistants/search", json={"graph_id": "who"})).json()]
        assert (made in names, len(names)) == (there, 1 + there)  # that of the graph is everybody's
        assert (await bob.post("/assistants/count", json={"graph_id": "who"})).json() == 1 + there
        changed = await bob.patch(f"/assistants/{made}", json={"name": "by bob"})
        assert changed.status_code == (200 if there else 404)


async def test_a_handler_of_the_store_says_what_is_whose(api: Served) -> None:
    auth = naming(Auth())

    @auth.on.store
    async def scope(ctx: Context, value: Value) -> None:
        value["namespace"] = (ctx.user.identity, *(value["namespace"] or ()))

    async with opened(api, auth) as gateway, of(gateway, "ann") as ann, of(gateway, "bob") as bob:
        item = {"namespace": ["notes"], "key": "k", "value": {"n": 1}}
        assert (await ann.put("/store/items", json=item)).status_code == 204
        assert (await ann.get("/store/items?namespace=notes&key=k")).json()["namespace"] == ["ann", "notes"]
        assert (await bob.get("/store/items?namespace=notes&key=k")).json() is None
        assert (await bob.get("/store/items?namespace=ann.notes&key=k")).json() is None
        for user, there in ((ann, 1), (bob, 0)):
            assert len((await user.post("/store/items/search", json={"namespace_prefix": []})).json()["items"]) == there
            assert len((await user.post("/store/namespaces", json={})).json()["namespaces"]) == there
        await bob.request("DELETE", "/store/items", json={"namespace": ["notes"], "key": "k"})
        assert (await ann.get("/store/items?namespace=notes&key=k")).json() is not None
