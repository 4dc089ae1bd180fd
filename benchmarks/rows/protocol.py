"""The thread protocol: what it costs a server that many follow one thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing

from ..api import Api
from ..bench import Bench
from ..figures import DEV, OURS, Figure, Goal, Row, ratio
from ..processes import Meter

_CHANNELS = ("messages", "lifecycle")
_RATE = 50
"""Tokens a second."""


async def measured(bench: Bench, apis: Sequence[Api]) -> Row:
    """A run whose messages all subscribers are told. The development server executes it in the same process."""
    figures, notes, told = dict[str, Figure](), dict[str, float](), dict[str, Sequence[int]]()
    readers = bench.sizes.subscribers
    for api in apis:
        with (meter := Meter({"server": api.pid})):
            told[api.name] = await _followed(api, readers, bench.sizes.subscribed_tokens)
        figures[api.name] = Figure.of([1_000_000 * meter.used["server"] / sum(told[api.name])])
        notes[f"events to each subscriber of {api.name}"] = told[api.name][0]
    goals = (
        Goal("≤ 0.3 × the LangGraph dev server", ratio(figures[OURS], figures.get(DEV)), 0.3),
        Goal("all delivered", float(len(set(told[OURS])) == 1), 1, at_least=True),
    )
    what = f"CPU of the server for an event, {readers} subscribers of one thread, {_RATE} tokens/s"
    return Row("api_protocol", what, "µs", figures, goals, notes=notes)


async def _followed(api: Api, readers: int, tokens: int) -> list[int]:
    thread = (await api.call("POST", "/threads", {}))["thread_id"]
    listening = asyncio.Semaphore(0)
    reading = [asyncio.create_task(_messages(api, thread, listening)) for _ in range(readers)]
    for _ in reading:
        await listening.acquire()
    given = {"tokens": tokens, "interval": 1 / _RATE, "length": 0}
    start = {"id": 1, "method": "run.start", "params": {"assistant_id": "tokens", "input": given}}
    answer = await api.call("POST", f"/threads/{thread}/commands", start)
    if answer["type"] != "success":
        raise RuntimeError(f"{api.name} has not begun a run: {answer}")
    return await asyncio.gather(*reading)


async def _messages(api: Api, thread: str, listening: asyncio.Semaphore) -> int:
    """How many there were when the run ended."""
    number = 0
    lines = api.lines("POST", f"/threads/{thread}/stream/events", {"channels": _CHANNELS}, listening.release)
    async with aclosing(lines):
        async for line in lines:
            number += line.startswith(b"event: messages")
            if line.startswith(b"data: ") and b'"lifecycle"' in line and _is_end(line[6:]):
                return number
    raise RuntimeError(f"{api.name} has ended a stream of events after {number}, before the end of the run")


def _is_end(data: bytes) -> bool:
    event = json.loads(data)
    if event["method"] != "lifecycle" or event["params"]["namespace"]:
        return False
    state: str = event["params"]["data"]["event"]
    if state in ("failed", "interrupted"):
        raise RuntimeError(f"a run of the benchmark has ended: {event}")
    return state == "completed"
