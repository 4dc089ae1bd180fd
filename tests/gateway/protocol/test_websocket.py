"""The protocol over one WebSocket."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from support.gateways import Served
from support.protocol import ALL, Event, history, is_end, new_thread, start
from support.servers import until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from perdure.contracts.errors import UnavailableError
from perdure.contracts.gateway_settings import GatewaySettings
from perdure.gateway import Gateway, Serving


class Socket:
    """What one has brought."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.events: list[Event] = []
        self._id = 0

    async def say(self, method: str, **params: Any) -> dict[str, Any]:
        """A command; its answer."""
        self._id += 1
        await self._socket.send(json.dumps({"id": self._id, "method": method, "params": params}))
        while (message := await self._next()).get("type") == "event":
            pass
        assert message["id"] == self._id
        return message

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(30):
            message = json.loads(await self._socket.recv())
        if message.get("type") == "event":
            self.events.append(message)
        return message

    async def ended(self) -> None:
        while not (self.events and is_end(self.events[-1])):
            await self._next()


def url_of(http: httpx.AsyncClient, thread: str) -> str:
    return str(http.base_url).replace("http", "ws", 1).rstrip("/") + f"/threads/{thread}/stream/events"


async def test_subscribed_before_the_thread_is_there(api: Served, http: httpx.AsyncClient) -> None:
    thread = new_thread()
    async with connect(url_of(http, thread)) as raw:
        socket = Socket(raw)
        subscribed = await socket.say("subscription.subscribe", channels=[*ALL])
        assert subscribed["result"]["replayed_events"] == 0
        begun = await socket.say("run.start", assistant_id="agent", input={"messages": ["Paris"]})
        assert begun["type"] == "success", begun
        await socket.ended()
        assert socket.events == await history(http, thread)
        tree = await socket.say("agent.getTree")
        assert tree["result"]["tree"] == {"namespace": [], "status": "completed", "graph_name": "agent"}
        assert tree["meta"]["applied_through_seq"] == socket.events[-1]["seq"]


async def test_later_subscriptions_are_told_what_they_have_missed(http: httpx.AsyncClient) -> None:
    thread = new_thread()
    await start(http, thread, "parent", {"tag": "p"})
    whole = await history(http, thread)
    async with connect(url_of(http, thread)) as raw:
        socket = Socket(raw)
        await socket.say("subscription.subscribe", channels=["lifecycle"])
        await socket.ended()
        first = [*socket.events]
        assert first == [event for event in whole if event["method"] == "lifecycle"]
        second = await socket.say("subscription.subscribe", channels=["values", "lifecycle"], namespaces=[[]], depth=0)
        wanted = [one for one in whole if one["method"] in ("values", "lifecycle") and not one["params"]["namespace"]]
        assert socket.events[len(first) :] == wanted
        assert second["result"]["replayed_events"] == len(wanted)
        third = await socket.say("subscription.subscribe", channels=["values"], since=wanted[-2]["seq"])
        assert third["result"]["replayed_events"] == 0
        # What both want is sent once; what nobody wants any more, not at all.
        seen = len(socket.events)
        await socket.say("subscription.unsubscribe", subscription_id=third["result"]["subscription_id"])
        unknown = await socket.say("subscription.unsubscribe", subscription_id="x")
        assert unknown["error"] == "no_such_subscription"
        await socket.say("run.start", assistant_id="steps", input={})
        socket.events, before = [], socket.events
        await socket.ended()
        assert len(before) == seen
        assert len({event["seq"] for event in socket.events}) == len(socket.events)
        assert {event["method"] for event in socket.events} == {"values", "lifecycle"}


async def test_a_socket_goes_on_where_another_one_was(http: httpx.AsyncClient) -> None:
    thread = new_thread()
    await start(http, thread, "steps", {"tag": "p"})
    whole = await history(http, thread)
    for since in ({"since": 5}, {"last_event_id": whole[4]["event_id"]}, {"since_event_id": whole[4]["event_id"]}):
        async with connect(url_of(http, thread)) as raw:
            socket = Socket(raw)
            again = await socket.say("subscription.reconnect", channels=[*ALL], subscription_id="mine", **since)
            assert again["result"]["subscription_id"] == "mine"
            await socket.ended()
            assert socket.events == whole[5:]


async def test_what_is_wrong_is_said(http: httpx.AsyncClient) -> None:
    async with connect(url_of(http, new_thread())) as raw:
        broken: list[tuple[str | bytes, str | None]] = [("{", None), ("[]", None), ('{"id": "x", "method": "y"}', "x")]
        for frame, id in (*broken, ("", None), (b"\x00\xff", None), (b"", None), (b'{"id": 1, "method": "y"}', None)):
            await raw.send(frame)
            answer = json.loads(await raw.recv())
            assert (answer["type"], answer["id"], answer["error"]) == ("error", id, "invalid_argument")
        socket = Socket(raw)
        for method, params in (
            ("subscription.subscribe", {}),
            ("subscription.subscribe", {"channels": ["debug"]}),
            ("subscription.reconnect", {"channels": ["values"]}),
            ("subscription.reconnect", {"channels": ["values"], "last_event_id": "9" * 5000}),
            ("run.start", {}),
        ):
            assert (await socket.say(method, **params))["error"] == "invalid_argument", (method, params)
        assert (await socket.say("nope"))["error"] == "unknown_command"
        assert (await socket.say("agent.getTree"))["error"] == "no_such_run"


async def test_a_gateway_that_stops_lets_go(api: Served) -> None:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(api.env.runs, host="127.0.0.1", port=0))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, timeout=30))
        thread = new_thread()
        await start(http, thread, "steps", {"tag": "p"})
        raw = await stack.enter_async_context(connect(url_of(http, thread)))
        socket = Socket(raw)
        await socket.say("subscription.subscribe", channels=[*ALL])
        await socket.ended()
        gateway.stop()
        with pytest.raises(ConnectionClosed) as closed:
            await socket.say("agent.getTree")
        assert closed.value.rcvd is None or closed.value.rcvd.code < 4000  # so that its client comes again


class Broken:
    """The runs of a gateway whose store is not reached once it is said so."""

    is_reached = True

    def __init__(self, runs: Any) -> None:
        self._runs = runs

    def __getattr__(self, name: str) -> Any:
        if not self.is_reached and name in ("get_thread", "page_runs"):
            raise UnavailableError("the store is not reached")
        return getattr(self._runs, name)


async def test_what_is_not_reached_closes_it_in_good_order(api: Served, caplog: pytest.LogCaptureFixture) -> None:
    runs: Any = Broken(api.env.runs)
    async with Gateway(runs, host="127.0.0.1", port=0) as gateway, httpx.AsyncClient(base_url=gateway.url) as http:
        thread = new_thread()
        await start(http, thread, "steps", {"tag": "p"})
        async with connect(url_of(http, thread)) as raw:
            socket = Socket(raw)
            await socket.say("subscription.subscribe", channels=["lifecycle"])
            await socket.ended()
            runs.is_reached = False
            with pytest.raises(ConnectionClosed) as closed:
                await socket.say("subscription.subscribe", channels=["values"])
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011
        async with connect(url_of(http, thread)) as raw:
            with pytest.raises(ConnectionClosed) as closed:
                await raw.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011
    assert not [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


async def test_a_socket_that_was_closed_meanwhile_is_left(api: Served, caplog: pytest.LogCaptureFixture) -> None:
    is_asked, is_let_on = asyncio.Event(), asyncio.Event()

    class Late(Broken):
        async def list_runs(self, *given: Any, **more: Any) -> Any:
            is_asked.set()
            await is_let_on.wait()
            return await self._runs.list_runs(*given, **more)

    runs: Any = Late(api.env.runs)
    async with Gateway(runs, host="127.0.0.1", port=0) as gateway, httpx.AsyncClient(base_url=gateway.url) as http:
        async with connect(url_of(http, new_thread())) as raw:
            await Socket(raw).say("subscription.subscribe", channels=["lifecycle"])
            await raw.send(json.dumps({"id": 2, "method": "agent.getTree", "params": {}}))
            await is_asked.wait()
            runs.is_reached = False  # so the one that reads closes the socket
            with pytest.raises(ConnectionClosed):
                await raw.recv()
            is_let_on.set()
        await until(lambda: open_streams(http, 0))
    assert not [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


async def test_a_command_is_answered_by_a_gateway_that_stops(api: Served) -> None:
    is_asked = asyncio.Event()

    class Silent(Broken):
        async def list_runs(self, *given: Any, **more: Any) -> Any:
            is_asked.set()
            await asyncio.Event().wait()

    runs: Any = Silent(api.env.runs)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(runs, host="127.0.0.1", port=0))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url))
        raw = await stack.enter_async_context(connect(url_of(http, new_thread())))
        await raw.send(json.dumps({"id": 1, "method": "agent.getTree", "params": {}}))
        await is_asked.wait()
        gateway.stop()
        answer = json.loads(await raw.recv())
        assert (answer["id"], answer["error"], answer["message"][:5]) == (1, "unknown_error", "503: ")
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(3):  # it does not wait until all is cut off
                await raw.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


@pytest.mark.parametrize(
    ("origin", "is_in"),
    [("https://mine.example", True), ("https://other.example", False), (None, True), ("same", True)],
)
async def test_pages_of_others_are_not_let_in(api: Served, origin: str | None, is_in: bool) -> None:
    serving = Serving(GatewaySettings(cors_origins=("https://mine.example",)))
    async with Gateway(api.env.runs, host="127.0.0.1", port=0, serving=serving) as gateway:
        said: Any = gateway.url if origin == "same" else origin
        async with connect(
            gateway.url.replace("http", "ws", 1) + f"/threads/{new_thread()}/stream/events", origin=said
        ) as raw:
            if is_in:
                assert (await Socket(raw).say("agent.getTree"))["error"] == "no_such_run"
                return
            with pytest.raises(ConnectionClosed) as closed:
                await raw.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4403


@pytest.mark.parametrize("way", ["sse", "websocket"])
async def test_who_reads_nothing_is_taken_for_gone(api: Served, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(api.env.runs, host="127.0.0.1", port=0))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, timeout=30))
        thread = new_thread()
        await start(http, thread, "steps", {"tag": "x" * 2_000_000})
        await history(http, thread)
        monkeypatch.setattr("perdure.gateway.long_answers.PATIENCE", 0.3)
        monkeypatch.setattr("perdure.gateway.protocol.websocket.PATIENCE", 0.3)
        await until(lambda: open_streams(http, 0))
        small = stack.enter_context(socket.socket())
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else the system reads on for a while
        small.setblocking(False)
        await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", gateway.port))
        if way == "sse":
            _, writer = await asyncio.open_connection(sock=small, limit=1)
            body = json.dumps({"channels": [*ALL]})
            head = f"POST /threads/{thread}/stream/events HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write((head + body).encode())
            stack.callback(writer.close)
        else:
            raw = await stack.enter_async_context(
                connect(url_of(http, thread), sock=small, max_queue=1, close_timeout=0.1)
            )
            await raw.send(json.dumps({"id": 1, "method": "subscription.subscribe", "params": {"channels": [*ALL]}}))
        await until(lambda: open_streams(http, 1))
        await until(lambda: open_streams(http, 0))


async def open_streams(http: httpx.AsyncClient, count: int) -> bool:
    return (await http.get("/metrics?format=json")).json()["streams"]["open"] == count
