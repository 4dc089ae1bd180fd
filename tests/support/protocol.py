"""A client of the thread protocol that shows all that comes over the wire."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

ALL = ("values", "updates", "checkpoints", "messages", "tools", "custom", "lifecycle", "input", "tasks")
Event = dict[str, Any]
ENDS = ("completed", "failed", "interrupted")


class Events:
    """What one connection has brought."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.seen: list[Event] = []
        self.ids: list[str] = []
        self.heartbeats = 0

    async def until(self, reached: Callable[[Event], bool], limit: float = 30.0) -> list[Event]:
        """Up to and with the event that is this."""
        before = len(self.seen)
        async with asyncio.timeout(limit):
            async for line in self._lines:
                if line.startswith(":"):
                    self.heartbeats += 1
                elif line.startswith("id: "):
                    self.ids.append(line[4:])
                elif line.startswith("data: "):
                    self.seen.append(json.loads(line[6:]))
                    if reached(self.seen[-1]):
                        return self.seen[before:]
        raise AssertionError(f"the stream has ended after {len(self.seen)} events")

    async def ended(self, runs: int = 1) -> list[Event]:
        """Up to the end of so many runs from now on."""
        before = len(self.seen)
        for _ in range(runs):
            await self.until(is_end)
        return self.seen[before:]

    async def beats(self, count: int) -> None:
        """Until it was told so often that the connection is alive."""
        async for line in self._lines:
            self.heartbeats += line.startswith(":")
            if self.heartbeats >= count:
                return


def is_end(event: Event) -> bool:
    return (
        event["method"] == "lifecycle" and not event["params"]["namespace"] and event["params"]["data"]["event"] in ENDS
    )


@asynccontextmanager
async def following(
    http: httpx.AsyncClient,
    thread: str,
    channels: Sequence[str] = ALL,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> AsyncGenerator[Events]:
    """One connection for events."""
    body = {"channels": [*channels], **more}
    async with http.stream("POST", f"/threads/{thread}/stream/events", json=body, headers=headers or {}) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Events(answer.aiter_lines())


async def command(http: httpx.AsyncClient, thread: str, method: str, **params: Any) -> dict[str, Any]:
    """The answer to a command that is understood."""
    body = {"id": 7, "method": method, "params": params}
    answer = await http.post(f"/threads/{thread}/commands", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def start(http: httpx.AsyncClient, thread: str, assistant: str, input: Any = None, **params: Any) -> str:
    """The run that was begun."""
    answer = await command(http, thread, "run.start", assistant_id=assistant, input=input, **params)
    assert answer["type"] == "success", answer
    return answer["result"]["run_id"]


async def history(http: httpx.AsyncClient, thread: str, runs: int = 1, channels: Sequence[str] = ALL) -> list[Event]:
    """All that so many runs of a thread have said."""
    async with following(http, thread, channels) as events:
        return await events.ended(runs)


def new_thread() -> str:
    return str(uuid.uuid4())


def told(events: Sequence[Event], method: str) -> list[Any]:
    """What the events of a method say."""
    return [event["params"]["data"] for event in events if event["method"] == method]


def states(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Of graphs: the names of their places, and what becomes of them."""
    found = (event["params"] for event in events if event["method"] == "lifecycle")
    return [("/".join(part.partition(":")[0] for part in one["namespace"]), one["data"]["event"]) for one in found]
