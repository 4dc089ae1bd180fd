"""The SQLite bridge by itself: how much it takes in, and how soon another process has it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from pathlib import Path

from perdure.bridge import Bridge, NewEvent, open_bridge

from ..bench import Bench
from ..figures import OURS, Figure, Goal, Row, milliseconds
from ..processes import child
from ..storage import used_bytes

_BATCH = 50
"""Events in a transaction, as a run that streams quickly has them."""
_DATA = json.dumps({"content": "a few words of a model", "type": "AIMessageChunk", "id": str(uuid.uuid4())}).encode()


async def measure(bench: Bench) -> list[Row]:
    """On a file of its own."""
    url = f"sqlite:///{bench.home}/bridge-alone.db"
    bridge = open_bridge(url)
    await bridge.start()
    try:
        rate = Figure.of([await _rate(bridge, bench.sizes.bridge_events // 5) for _ in range(5)])
        size = used_bytes(bench.home / "bridge-alone.db") / bench.sizes.bridge_events
        late = milliseconds(await _delays(bridge, url, bench.home, bench.sizes.deliveries))
    finally:
        await bridge.close()
    return [
        Row(
            "bridge_rate",
            "events published a second, SQLite, 50 in a batch",
            "events/s",
            {OURS: rate},
            (Goal("≥ 20,000", rate.median, 20_000, at_least=True),),
            better="more",
            notes={"bytes an event": round(size)},
        ),
        Row(
            "bridge_delay",
            "delivery of an event to another process",
            "ms",
            {OURS: late},
            (Goal("≤ 3 ms", late.median, 3),),
        ),
    ]


async def _rate(bridge: Bridge, events: int) -> float:
    run = str(uuid.uuid4())
    await bridge.create(run)
    began = time.perf_counter()
    for number in range(0, events, _BATCH):
        await bridge.publish(
            run, [NewEvent("messages", _DATA, key=f"{number}-{place}") for place in range(_BATCH)], fence=1
        )
    return events / (time.perf_counter() - began)


async def _delays(bridge: Bridge, url: str, home: Path, events: int) -> list[float]:
    """Every event carries the time of its publication, by a clock that both processes share."""
    run = str(uuid.uuid4())
    await bridge.create(run)
    command = [sys.executable, "-m", "benchmarks.subscriber", url, run]
    async with child(command, home / "subscriber.log") as subscriber:
        await subscriber.said("listening")
        for _ in range(events):
            await bridge.publish(run, [NewEvent("custom", str(time.monotonic()).encode())], fence=1)
            await asyncio.sleep(0.002)
        await bridge.publish_terminal(run, NewEvent("end", b"null"), fence=1)
        reported = await subscriber.said("]")
    return json.loads(reported.splitlines()[1])
