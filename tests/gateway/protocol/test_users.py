"""What is another's is not found, by whichever way it is asked for, and who is not let in any more is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from langgraph_sdk import Auth
from support.gateways import Served
from support.protocol import command, following, history, is_end, new_thread, start
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from perdure.contracts.gateway_settings import GatewaySettings
from perdure.gateway import Gateway, Serving


def by_handlers() -> Auth:
    """Each his own threads, as a filter says it."""
    auth = Auth()

    @auth.authenticate
    async def known(headers: Any) -> str:  # pyright: ignore[reportUnusedFunction]
        name = headers.get(b"x-api-key", b"").decode()
        if not name:
            raise Auth.exceptions.HTTPException(401, "who are you?")
        return name

    @auth.on.threads
    async def own(ctx: Auth.types.AuthContext, value: Any) -> Any:  # pyright: ignore[reportUnusedFunction]
        seen.append((ctx.action, dict(value)))
        metadata = value.setdefault("metadata", {})
        metadata["owner"] = ctx.user.identity
        return {"owner": ctx.user.identity}

    return auth


seen: list[tuple[str, dict[str, Any]]] = []


@asynccontextmanager
async def two(api: Served, way: str) -> AsyncGenerator[tuple[Gateway, httpx.AsyncClient, httpx.AsyncClient]]:
    if way == "keys":
        serving = Serving(GatewaySettings(api_keys=True))
        names = [(await api.env.runs.api_keys.create(name)).key for name in ("ann", "bob")]
    else:
        serving, names = Serving(auth=by_handlers()), ["ann", "bob"]
    async with (
        Gateway(api.env.runs, host="127.0.0.1", port=0, serving=serving) as gateway,
        httpx.AsyncClient(base_url=gateway.url, headers={"x-api-key": names[0]}, timeout=30) as ann,
        httpx.AsyncClient(base_url=gateway.url, headers={"x-api-key": names[1]}, timeout=30) as bob,
    ):
        yield gateway, ann, bob


def socket_of(gateway: Gateway, http: httpx.AsyncClient, thread: str) -> Any:
    url = gateway.url.replace("http", "ws", 1) + f"/threads/{thread}/stream/events"
    key = http.headers.get("x-api-key")
    return connect(url, additional_headers={} if key is None else {"x-api-key": key})


async def code_of(socket: Any) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        async with socket as raw:
            await raw.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


@pytest.mark.parametrize("way", ["keys", "handlers"])
async def test_what_is_anothers_is_not_found(api: Served, way: str) -> None:
    async with two(api, way) as (gateway, ann, bob):
        thread = new_thread()
        await start(ann, thread, "ask", {"question": "q"})
        found = await history(ann, thread)
        (asked,) = (event["params"]["data"] for event in found if event["method"] == "input.requested")
        assert (await bob.post(f"/threads/{thread}/stream/events", json={"channels": ["values"]})).status_code == 404
        answers = {"interrupt_id": asked["interrupt_id"], "response": "bob's"}
        for method, params in (
            ("run.start", {"assistant_id": "ask", "input": "bob's"}),
            ("input.respond", answers),
            ("agent.getTree", {}),
        ):
            body = {"id": 7, "method": method, "params": params}
            answer = await bob.post(f"/threads/{thread}/commands", json=body)
            assert answer.status_code == 404, (method, answer.text)
        assert await code_of(socket_of(gateway, bob, thread)) == 4404
        assert await history(ann, thread) == found
        async with socket_of(gateway, ann, thread) as raw:
            await raw.send('{"id": 1, "method": "agent.getTree", "params": {}}')
            assert '"interrupted"' in await raw.recv()
        assert (await command(ann, thread, "input.respond", **{**answers, "response": "hers"}))["type"] == "success"
        assert (await history(ann, thread, 2))[-2]["params"]["data"]["answer"] == "hers"


async def test_handlers_are_shown_what_a_command_asks_for(api: Served) -> None:
    async with two(api, "handlers") as (gateway, ann, _):
        thread = new_thread()
        seen.clear()
        run = await start(ann, thread, "steps", {"tag": "x"}, metadata={"of": "me"})
        await history(ann, thread)
        action, value = seen[0]
        assert (action, value["kwargs"]["input"], value["metadata"]["of"]) == ("create_run", {"tag": "x"}, "me")
        shown = (await ann.get(f"/threads/{thread}/runs/{run}")).json()
        assert (shown["metadata"]["owner"], shown["metadata"]["of"]) == ("ann", "me")
        async with socket_of(gateway, ann, thread) as raw:
            seen.clear()
            await raw.send('{"id": 1, "method": "run.start", "params": {"assistant_id": "steps", "input": {}}}')
            assert '"success"' in await raw.recv()
        assert [action for action, _ in seen] == ["create_run"]


async def test_nobody_is_not_let_in(api: Served) -> None:
    async with two(api, "keys") as (gateway, _, _), httpx.AsyncClient(base_url=gateway.url) as nobody:
        thread = new_thread()
        assert (await nobody.post(f"/threads/{thread}/commands", json={})).status_code == 401
        assert (await nobody.post(f"/threads/{thread}/stream/events", json={})).status_code == 401
        assert await code_of(socket_of(gateway, nobody, thread)) == 4401


async def test_who_is_not_let_in_any_more_is_cut_off(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.gateway.key_callers.LIFETIME", 0.1)
    monkeypatch.setattr("perdure.gateway.watching._LOOK", 0.1)
    async with two(api, "keys") as (gateway, ann, bob):
        thread = new_thread()
        await start(ann, thread, "steps", {"tag": "x"})
        ids = {key.user_id: key.key_id for key in await api.env.runs.api_keys.list() if key.revoked_at is None}
        async with following(ann, thread) as events, socket_of(gateway, ann, thread) as raw:
            await events.ended()
            for key in await api.env.runs.api_keys.list():
                if key.user_id == "ann":
                    await api.env.runs.api_keys.revoke(key.key_id)
            with pytest.raises(httpx.RemoteProtocolError):
                await events.until(is_end)
            with pytest.raises(ConnectionClosed) as closed:
                await raw.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401
        assert ids
        assert bob is not None


async def test_a_gateway_that_stops_is_come_back_to(api: Served) -> None:
    async with two(api, "keys") as (gateway, ann, _):
        thread = new_thread()
        await start(ann, thread, "steps", {"tag": "x"})
        async with socket_of(gateway, ann, thread) as raw:
            await raw.send('{"id": 1, "method": "subscription.subscribe", "params": {"channels": ["lifecycle"]}}')
            await raw.recv()
            gateway.stop()
            await raw.wait_closed()
            assert raw.close_code == 1012


async def test_sockets_count_as_streams(api: Served) -> None:
    async with Gateway(
        api.env.runs, host="127.0.0.1", port=0, serving=Serving(GatewaySettings(open_streams=1))
    ) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url) as http, socket_of(gateway, http, new_thread()):
            assert await code_of(socket_of(gateway, http, new_thread())) == 4429
        await asyncio.sleep(0)


async def test_behind_a_prefix(api: Served) -> None:
    serving = Serving(GatewaySettings(mount_prefix="/agents"))
    async with Gateway(api.env.runs, host="127.0.0.1", port=0, serving=serving) as gateway:
        async with httpx.AsyncClient(base_url=f"{gateway.url}/agents", timeout=30) as http:
            thread = new_thread()
            url = f"{gateway.url.replace('http', 'ws', 1)}/agents/threads/{thread}/stream/events"
            async with connect(url) as raw:
                await raw.send('{"id": 1, "method": "run.start", "params": {"assistant_id": "steps", "input": {}}}')
                assert '"success"' in str(await raw.recv())
            assert (await history(http, thread))[-1]["params"]["data"]["event"] == "completed"
        outside = connect(f"{gateway.url.replace('http', 'ws', 1)}/threads/{thread}/stream/events")
        assert await code_of(outside) == 4404
