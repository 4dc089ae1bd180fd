"""API keys, limits, and what `http` of `langgraph.json` says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from support.gateways import Served
from support.servers import until

from perdure.contracts.gateway_settings import GatewaySettings
from perdure.contracts.langgraph_http import HttpConfig
from perdure.gateway import Gateway, Serving, create_app
from perdure.gateway.context import Context


@asynccontextmanager
async def opened(api: Served, serving: Serving, **headers: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with (
        Gateway(api.env.runs, host="127.0.0.1", port=0, serving=serving) as gateway,
        httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=30, verify=False) as http,
    ):
        yield http


async def test_who_is_told_of_the_port_may_connect_at_once(api: Served) -> None:
    async with Gateway(api.env.runs, host="127.0.0.1", port=0) as gateway:
        # Before anything else is done on this event loop.
        socket.create_connection(("127.0.0.1", gateway.port)).close()


KEYS = Serving(GatewaySettings(api_keys=True))


async def test_an_api_key_lets_in_and_is_kept_nowhere(api: Served, caplog: pytest.LogCaptureFixture) -> None:
    made = await api.env.runs.api_keys.create("ann", label="laptop")
    async with opened(api, KEYS) as http:
        body: dict[str, Any] = {"assistant_id": "who", "input": {}, "on_completion": "keep"}
        for headers in ({"X-Api-Key": made.key}, {"Authorization": f"Bearer {made.key}"}):
            ran = await http.post("/runs/wait", json=body, headers=headers)
            assert (ran.status_code, ran.json()["owner"]) == (200, "ann")
        # What Python's client finds in its environment is no key of ours, and hides none.
        both = {"X-Api-Key": "lsv2_key", "Authorization": f"Bearer {made.key}"}
        assert (await http.post("/threads/count", json={}, headers=both)).status_code == 200
        for wrong in ("lsv2_key", f"{made.key}x", made.key[:-1], "perdure__x", "perdure_ab_x", "perdure_x", ""):
            answer = await http.post("/threads/count", json={}, headers={"X-Api-Key": wrong})
            assert answer.status_code == 401, wrong
    secret = made.key.split("_", 2)[2]  # which may have more of them
    files = [file for file in api.env.settings.home.rglob("*") if file.is_file()]
    assert not [file for file in files if secret.encode() in file.read_bytes()]
    assert secret not in caplog.text
    assert secret not in repr(made)


async def test_a_key_that_is_revoked_or_over_lets_nobody_in(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.gateway.key_callers.LIFETIME", 0.2)
    keys = api.env.runs.api_keys
    revoked, short = await keys.create("ann"), await keys.create("ann", expires_in=timedelta(seconds=1))
    async with opened(api, KEYS) as one, opened(api, KEYS) as other:

        async def is_in(http: httpx.AsyncClient, key: str) -> bool:
            return (await http.post("/threads/count", json={}, headers={"X-Api-Key": key})).status_code == 200

        assert await is_in(one, revoked.key)
        assert await is_in(other, revoked.key)
        assert await keys.revoke(revoked.record.key_id)
        for http in (one, other):
            await until(lambda http=http: _refused(is_in(http, revoked.key)))
            await until(lambda http=http: _refused(is_in(http, short.key)))


async def _refused(asking: Any) -> bool:
    return not await asking


async def test_an_open_stream_of_a_revoked_key_is_cut_off(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.gateway.key_callers.LIFETIME", 0.1)
    monkeypatch.setattr("perdure.gateway.watching._LOOK", 0.1)
    keys = api.env.runs.api_keys
    made, other = await keys.create("ann"), await keys.create("ann")
    async with opened(api, KEYS) as http:
        mine, still = {"X-Api-Key": made.key}, {"X-Api-Key": other.key}
        thread = (await http.post("/threads", json={}, headers=mine)).json()["thread_id"]
        async with (
            http.stream("GET", f"/threads/{thread}/stream", headers=mine) as cut,
            http.stream("GET", f"/threads/{thread}/stream", headers=still) as kept,
        ):
            reading = asyncio.create_task(kept.aread())
            await keys.revoke(made.record.key_id)
            with pytest.raises(httpx.RemoteProtocolError):
                await cut.aread()
            assert not reading.done()
            await keys.revoke(other.record.key_id)
            with pytest.raises(httpx.RemoteProtocolError):
                await reading


async def test_one_user_cannot_ask_too_often(api: Served) -> None:
    limited = GatewaySettings(api_keys=True, requests_per_second=0.5, burst=3)
    keys = {user: (await api.env.runs.api_keys.create(user)).key for user in ("ann", "bob")}
    async with opened(api, Serving(limited)) as http:
        found = [await http.post("/threads/count", json={}, headers={"X-Api-Key": keys["ann"]}) for _ in range(4)]
        assert [one.status_code for one in found] == [200, 200, 200, 429]
        assert (found[3].headers["retry-after"], "requests_per_second" in found[3].json()["detail"]) == ("2", True)
        assert (await http.post("/threads/count", json={}, headers={"X-Api-Key": keys["bob"]})).status_code == 200
        assert (await http.get("/ok")).status_code == 200


async def test_one_user_cannot_hold_too_many_streams(api: Served) -> None:
    async with opened(api, Serving(GatewaySettings(open_streams=2))) as http:
        thread = (await http.post("/threads", json={})).json()["thread_id"]
        path = f"/threads/{thread}/stream"
        async with http.stream("GET", path) as one:
            async with http.stream("GET", path):
                refused = await http.get(path)
                assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
                wait = await http.post("/runs/wait", json={"assistant_id": "steps"})
                assert wait.status_code == 429
                assert (await http.post("/threads/count", json={})).status_code == 200
            assert one.status_code == 200

            async def is_free() -> bool:
                async with http.stream("GET", path) as again:
                    return again.status_code == 200

            await until(is_free)


async def test_a_body_that_is_too_large(api: Served) -> None:
    key = (await api.env.runs.api_keys.create("ann")).key
    for settings in (GatewaySettings(max_body=1000), GatewaySettings(max_body=1000, api_keys=True)):
        async with opened(api, Serving(settings), **{"X-Api-Key": key}) as http:
            answer = await http.post("/threads", json={"metadata": {"a": "x" * 2000}})
            assert (answer.status_code, [*answer.json()]) == (413, ["detail"])


@pytest.mark.parametrize(
    ("settings", "http", "origin", "allowed"),
    [
        ({}, {}, "https://a.example", "*"),
        ({"cors_origins": ["https://a.example"]}, {}, "https://a.example", "https://a.example"),
        ({"cors_origins": ["https://a.example"]}, {}, "https://b.example", None),
        ({}, {"cors": {"allow_origins": ["https://a.example"]}}, "https://a.example", "https://a.example"),
        ({}, {"cors": {"allow_origin_regex": r"https://.*\.example"}}, "https://b.example", "https://b.example"),
        ({}, {"cors": {"allow_origins": []}}, "https://a.example", None),
        ({"cors_origins": ["*"]}, {"cors": {"allow_origins": []}}, "https://a.example", "*"),
    ],
)
async def test_which_pages_may_call(api: Served, settings: Any, http: Any, origin: str, allowed: str | None) -> None:
    serving = Serving(GatewaySettings(**settings, api_keys=True), HttpConfig.model_validate(http))
    async with opened(api, serving, Origin=origin) as caller:
        answer = await caller.post("/threads", json={})  # also a refusal can be read by the page
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (401, allowed)
        asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
        before = await caller.options("/threads", headers=asking)
        assert before.headers.get("access-control-allow-origin") == allowed
        assert "x-pagination-total" in answer.headers.get("access-control-expose-headers", "") or allowed is None


async def test_all_paths_behind_a_prefix(api: Served) -> None:
    key = (await api.env.runs.api_keys.create("ann")).key
    serving = Serving(GatewaySettings(mount_prefix="/agents/", api_keys=True))
    async with opened(api, serving, **{"X-Api-Key": key}) as http:
        thread = (await http.post("/agents/threads", json={})).json()["thread_id"]
        run = await http.post(f"/agents/threads/{thread}/runs/wait", json={"assistant_id": "steps", "input": {}})
        assert run.headers["location"].startswith(f"/agents/threads/{thread}/runs/")
        assert (await http.get(run.headers["content-location"])).json()["status"] == "success"
        found = [(await http.get(path)).status_code for path in ("/ok", "/agents/ok", "/agents", "/agents/docs")]
        assert found == [200, 200, 200, 200]
        for path in (f"/threads/{thread}", "/info", "/agentsx/ok", "/docs"):
            assert (await http.get(path)).status_code == 404
    async with opened(api, serving) as nobody:
        assert (await nobody.post("/agents/threads", json={})).status_code == 401


async def test_headers_that_nodes_find(api: Served) -> None:
    patterns = {"includes": ["x-*", "authorization", "cookie"], "excludes": ["x-private*"]}
    serving = Serving(http=HttpConfig.model_validate({"configurable_headers": patterns}))
    sent = {"X-Team": "red", "X-Private-Thing": "1", "X-Api-Key": "SECRET", "Authorization": "SECRET", "Cookie": "a=b"}
    async with opened(api, serving, **sent) as http:
        ran = await http.post("/runs/wait", json={"assistant_id": "who", "input": {}})
        assert ran.json()["headers"] == {"x-team": "red"}
    async with opened(api, Serving(), **sent) as http:
        assert (await http.post("/runs/wait", json={"assistant_id": "who", "input": {}})).json()["headers"] == {}


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"hello {request.headers.get('content-type')} {(await request.body()).decode()}")


async def test_routes_of_ones_own_begin_and_end_with_the_gateway(api: Served) -> None:
    told: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        told.append("begins")
        yield
        told.append("ends")

    async with opened(api, Serving(app=Starlette(lifespan=lifespan))) as http:
        assert ((await http.get("/nothing")).status_code, told) == (404, ["begins"])
    assert told == ["begins", "ends"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("/threads/t/stream/events", 4401), ("/threads/t/stream", 4404), ("/nothing", 4404)],
)
async def test_nobody_comes_in_by_a_websocket(api: Served, path: str, code: int) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    app = create_app(Context(api.env.runs), KEYS)
    await app({"type": "websocket", "path": path, "headers": [], "query_string": b""}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == code


@pytest.mark.parametrize("guarded", [False, True])
async def test_routes_of_ones_own(api: Served, guarded: bool) -> None:
    key = (await api.env.runs.api_keys.create("ann")).key
    app = Starlette(routes=[Route("/hello", hello, methods=["POST"]), Route("/threads", hello)])
    serving = Serving(GatewaySettings(api_keys=True), HttpConfig(enable_custom_route_auth=guarded), app=app)
    async with opened(api, serving) as http:
        text = {"content-type": "text/plain"}
        nobody = await http.post("/hello", content="you", headers=text)
        assert nobody.status_code == (401 if guarded else 200)
        known = await http.post("/hello", content="you", headers={**text, "x-api-key": key})
        assert known.text == "hello text/plain you"
        assert (await http.post("/threads", json={})).status_code == 401


@pytest.mark.parametrize(("part", "path"), [("store", "/store/namespaces"), ("threads", "/threads/count")])
async def test_parts_that_are_switched_off(api: Served, part: str, path: str) -> None:
    async with opened(api, Serving(http=HttpConfig.model_validate({f"disable_{part}": True}))) as http:
        assert (await http.post(path, json={})).status_code in (404, 405)
        assert (await http.get("/ok")).status_code == 200
