"""What the tests do in other processes: `child.py ROLE PATH …`. Each answers in lines on its stdout."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from perdure.bridge import SqliteBridge
from perdure.bridge.conformance.probe import event
from perdure.contracts.errors import UnavailableError

BATCH = 5

abandoned: list[object] = []


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201


async def write(bridge: SqliteBridge, run_id: str, writer: str, batches: str) -> None:
    """Publish batches of `[writer, batch, n]`."""
    for batch in range(int(batches)):
        await bridge.publish(run_id, [event([int(writer), batch, n]) for n in range(BATCH)], fence=1)


async def read(bridge: SqliteBridge, run_id: str, last_event_id: str) -> None:
    """Say the id and the data of each event."""
    async for found in bridge.subscribe(run_id, last_event_id=last_event_id, heartbeat_interval=0.05):
        say(found.event, found.id, found.data)


async def obey(bridge: SqliteBridge, run_id: str) -> None:
    """Say each stop."""
    say("waiting")
    say(await bridge.stop_requested(run_id))


async def fill(bridge: SqliteBridge, run_id: str) -> None:
    """Publish until no file may grow any more, and again when they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    published = 0
    try:
        while published < 100:
            published = await bridge.publish(run_id, [event("x" * 2**15)] * BATCH, fence=1)
    except UnavailableError as exc:
        say(published, exc)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    say(await bridge.publish(run_id, [event("after")], fence=1))


async def attend(bridge: SqliteBridge, run_id: str, lease: str) -> None:
    """Attend the run until it is killed; say so each time."""
    while True:
        await bridge.attend(run_id, float(lease))
        say("there")
        await asyncio.sleep(float(lease) / 10)


async def start(bridge: SqliteBridge) -> None:
    """Nothing more than to start."""


ROLES = {"write": write, "read": read, "obey": obey, "fill": fill, "attend": attend, "start": start}


async def main(role: str, path: str, *arguments: str) -> None:
    bridge = SqliteBridge(Path(path))
    await bridge.start()
    await ROLES[role](bridge, *arguments)
    await bridge.close()


def leave(path: str) -> None:
    """Exit with an iteration, a loop and a bridge that nobody closed."""
    bridge = SqliteBridge(Path(path))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(bridge.start())
    loop.run_until_complete(bridge.create("run"))
    loop.run_until_complete(bridge.publish("run", [event(1)], fence=1))
    events = bridge.subscribe("run")
    loop.run_until_complete(events.asend(None))
    abandoned.append(events)


if __name__ == "__main__":
    if sys.argv[1] == "leave":
        leave(sys.argv[2])
    else:
        asyncio.run(main(*sys.argv[1:]))
