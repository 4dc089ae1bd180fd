"""Several processes on one file: readers, writers, and writers that are killed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from perdure.bridge import SqliteBridge
from perdure.bridge.conformance.probe import END, PATIENCE, event, rest, stored, take
from perdure.contracts.types import Stop

Spawn = Callable[..., Awaitable[Process]]

CHILD = Path(__file__).with_name("child.py")
BATCH = 5


@pytest.fixture
async def spawn(path: Path) -> AsyncGenerator[Spawn]:
    children: list[Process] = []

    async def spawn(role: str, *arguments: object) -> Process:
        command = [sys.executable, str(CHILD), role, str(path), *map(str, arguments)]
        children.append(await asyncio.create_subprocess_exec(*command, stdout=PIPE))
        return children[-1]

    yield spawn
    for child in children:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def line(child: Process) -> str:
    assert child.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return (await child.stdout.readline()).decode().strip()


async def lines(child: Process) -> list[str]:
    """All that it says until it exits, which must be with success."""
    async with asyncio.timeout(PATIENCE):
        output, _ = await child.communicate()
    assert child.returncode == 0
    return output.decode().splitlines()


def batches_of(data: list[list[int]], writer: int) -> list[int]:
    """The batches of one writer in their order; asserts that each is there wholly."""
    mine = [item for item in data if item[0] == writer]
    batches = [item[1] for item in mine[::BATCH]]
    assert mine == [[writer, batch, n] for batch in batches for n in range(BATCH)]
    return batches


async def test_many_processes_may_make_the_file_at_once(spawn: Spawn, path: Path) -> None:
    children = [await spawn("start") for _ in range(3)]
    for child in children:
        await lines(child)
    bridge = SqliteBridge(path)
    await bridge.start()
    await bridge.close()


async def test_writers_in_many_processes_share_the_ids(bridge: SqliteBridge, spawn: Spawn) -> None:
    await bridge.create("run")
    writers = [await spawn("write", "run", writer, 40) for writer in range(2)]
    async with aclosing(bridge.subscribe("run")) as events:
        live = await take(events, 2 * 40 * BATCH)
    for writer in writers:
        await lines(writer)
    assert [int(found.id) for found in live] == list(range(1, len(live) + 1))
    for writer in range(2):
        assert batches_of([found.data for found in live], writer) == list(range(40))


async def test_a_reader_in_another_process_follows(bridge: SqliteBridge, spawn: Spawn) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event("a"), event("b")], fence=1)
    reader = await spawn("read", "run", 1)
    assert await line(reader) == "custom 2 b"
    assert await line(reader) == "heartbeat 2 None"
    await bridge.publish("run", [event("c")], fence=1)
    await bridge.publish_terminal("run", END, fence=1)
    heard = [said for said in await lines(reader) if not said.startswith("heartbeat")]
    assert heard == ["custom 3 c", "end 4 None"]


async def test_a_stop_reaches_another_process(bridge: SqliteBridge, spawn: Spawn) -> None:
    child = await spawn("obey", "run")
    assert await line(child) == "waiting"
    await bridge.create("run")
    await bridge.cancel("run", stop=Stop.AT_BOUNDARY)
    assert await lines(child) == ["at_boundary"]


async def test_a_killed_writer_leaves_whole_batches_and_no_lock(bridge: SqliteBridge, spawn: Spawn) -> None:
    await bridge.create("run")
    seen = 0
    async with aclosing(bridge.subscribe("run")) as events:
        for writer in range(3):
            child = await spawn("write", "run", writer, 10**6)
            seen += len(await take(events, 20 + 7 * writer))
            child.kill()
            await child.wait()
            last_id = await bridge.publish("run", [], fence=1)
            seen += len(await take(events, last_id - seen))
    data = [data for _, data in await stored(bridge, "run")]
    assert len(data) == seen
    for writer in range(3):
        batches = batches_of(data, writer)
        assert batches
        assert batches == list(range(len(batches)))
    await bridge.publish_terminal("run", END, fence=1)
    assert len(await rest(bridge.subscribe("run"))) == seen + 1


async def test_a_killed_client_is_not_there(bridge: SqliteBridge, spawn: Spawn) -> None:
    await bridge.create("run")
    client = await spawn("attend", "run", 0.5)
    for _ in range(15):
        assert await line(client) == "there"
    assert await bridge.abandoned() == [], "the first lease would have run out by now"
    client.kill()
    async with asyncio.timeout(PATIENCE):
        while not await bridge.abandoned():  # noqa: ASYNC110 – no event tells of it
            await asyncio.sleep(0.01)


async def test_a_disk_that_takes_no_more_is_unavailable_until_it_does(bridge: SqliteBridge, spawn: Spawn) -> None:
    await bridge.create("run")
    child = await spawn("fill", "run")
    refusal, after = await lines(child)
    published, text = refusal.split(" ", 1)
    assert int(published) > 0
    assert "cannot be used now" in text
    assert int(after) == int(published) + 1
    assert await stored(bridge, "run") == [(id, "x" * 2**15) for id in range(1, int(after))] + [(int(after), "after")]


async def test_a_process_may_exit_without_closing(spawn: Spawn) -> None:
    assert await lines(await spawn("leave")) == []
