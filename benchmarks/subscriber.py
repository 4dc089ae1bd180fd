"""A process that reads a stream, and says how late each event came: a program of its own."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from perdure.bridge import open_bridge


async def main(url: str, run_id: str) -> None:
    """Prints a line when it listens, and a line with all delays (seconds) at the end."""
    bridge = open_bridge(url)
    await bridge.start()
    delays: list[float] = []
    events = bridge.subscribe(run_id)
    print("listening", flush=True)
    async for event in events:
        if event.event == "custom":
            delays.append(time.monotonic() - event.data)
    print(json.dumps(delays), flush=True)
    await bridge.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
