"""The thread that watches the file: there is one while somebody waits, and none when nobody does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from perdure.bridge import SqliteBridge
from perdure.bridge.conformance.probe import END, PATIENCE, event, meanwhile, rest, result, take
from perdure.bridge.sqlite import watcher
from perdure.contracts.types import Stop

_elsewhere: list[threading.Thread] = []
"""Threads that were there before the test: the process may hold the bridges of other tests."""


@pytest.fixture(autouse=True)
def elsewhere() -> None:
    _elsewhere[:] = threading.enumerate()


def threads() -> list[str]:
    """The names of the threads of the test's bridges."""
    mine = [thread.name for thread in threading.enumerate() if thread not in _elsewhere]
    return [name for name in mine if name.startswith("perdure-bridge")]


def watchers() -> int:
    return threads().count("perdure-bridge-watcher")


async def nobody_watches() -> None:
    deadline = time.monotonic() + PATIENCE
    while watchers():
        assert time.monotonic() < deadline, "the watcher goes on although nobody waits"
        await asyncio.sleep(0.001)


async def test_an_idle_bridge_has_no_watcher(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event(1)], fence=1)
    await bridge.last_event_id("run")
    assert watchers() == 0


async def test_all_waiters_share_one_watcher(bridge: SqliteBridge, peer: SqliteBridge) -> None:
    runs = [f"run-{n}" for n in range(100)]
    for run_id in runs:
        await bridge.create(run_id)
    subscribers = [asyncio.create_task(rest(bridge.subscribe(run_id))) for run_id in runs * 3]
    stops = [asyncio.create_task(bridge.stop_requested(run_id)) for run_id in runs]
    await asyncio.sleep(0)
    assert watchers() == 1
    for run_id in runs:
        await peer.publish(run_id, [event(run_id)], fence=1)
        await peer.cancel(run_id)
        await peer.publish_terminal(run_id, END, fence=1)
    async with asyncio.timeout(PATIENCE):
        found = await asyncio.gather(*subscribers)
        await asyncio.gather(*stops)
    assert [[one.data for one in events] for events in found] == [[run_id, None] for run_id in runs * 3]
    await nobody_watches()


async def test_an_iteration_closed_early_leaves_nothing(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event(1), event(2)], fence=1)
    async with aclosing(bridge.subscribe("run")) as events:
        await take(events, 1)
        assert watchers() == 1
    await nobody_watches()


async def test_a_loop_left_early_leaves_nothing(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event(1), event(2)], fence=1)
    async for found in bridge.subscribe("run"):
        assert found.id == "1"
        break
    await nobody_watches()


async def test_a_cancelled_reader_leaves_nothing(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event(1)], fence=1)
    for step in range(20):
        async with meanwhile(rest(bridge.subscribe("run"))):
            for _ in range(step):
                await asyncio.sleep(0)
    await nobody_watches()


async def test_a_cancelled_wait_for_a_stop_leaves_nothing(bridge: SqliteBridge) -> None:
    for step in range(20):
        async with meanwhile(bridge.stop_requested("run")):
            for _ in range(step):
                await asyncio.sleep(0)
    await nobody_watches()


async def test_an_unknown_run_leaves_nothing(bridge: SqliteBridge) -> None:
    await asyncio.gather(take(bridge.subscribe("unknown"), 1), return_exceptions=True)
    await nobody_watches()


async def test_close_ends_the_threads(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    async with meanwhile(rest(bridge.subscribe("run"))) as task:
        await bridge.last_event_id("run")
        await bridge.close()
        assert await result(task) == []
    deadline = time.monotonic() + PATIENCE
    while threads():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


async def test_an_abandoned_loop_harms_nobody(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    await bridge.publish("run", [event(1)], fence=1)
    abandoned = asyncio.new_event_loop()
    events = bridge.subscribe("run")
    await asyncio.to_thread(abandoned.run_until_complete, take(events, 1))
    abandoned.close()
    async with aclosing(bridge.subscribe("run", last_event_id=1)) as live, meanwhile(take(live, 1)) as task:
        await bridge.publish("run", [event(2)], fence=1)
        assert [found.data for found in await result(task)] == [2]


async def test_waits_come_and_go_while_the_watcher_ends(bridge: SqliteBridge, peer: SqliteBridge) -> None:
    await bridge.create("run")
    for n in range(1, 200):
        async with aclosing(bridge.subscribe("run", last_event_id=n - 1)) as events, meanwhile(take(events, 1)) as task:
            await peer.publish("run", [event(n)], fence=1)
            assert [found.data for found in await result(task)] == [n]


@asynccontextmanager
async def only_stops(bridge: SqliteBridge, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[asyncio.Task[Stop]]:
    """Somebody waits for a stop, and the watcher will not look at the file again in the test's time."""
    monkeypatch.setattr(watcher, "_POLL_STOPS", 10 * PATIENCE)
    await bridge.create("run")
    async with meanwhile(bridge.stop_requested("run")) as waiting:
        await asyncio.sleep(0.2)
        yield waiting


async def test_a_stop_of_the_own_process_is_told_without_the_file(
    bridge: SqliteBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with only_stops(bridge, monkeypatch) as waiting:
        await bridge.cancel("run")
        assert await result(waiting) is Stop.NOW


async def test_a_reader_does_not_wait_for_the_next_look_at_stops(
    bridge: SqliteBridge, peer: SqliteBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with only_stops(bridge, monkeypatch), meanwhile(rest(bridge.subscribe("run"))) as reading:
        await asyncio.sleep(0.2)
        await peer.publish_terminal("run", END, fence=1)
        assert len(await result(reading)) == 1
