"""The protocol over one WebSocket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from support.gateways import Served
from support.protocol import ALL, Event, history, is_end, new_thread, start
from websockets.asyncio.client import ClientConnection, connect


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
