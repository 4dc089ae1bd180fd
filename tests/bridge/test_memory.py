"""The bridge in memory keeps every promise, for handles of the same streams on one event loop or on several."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing

import pytest

from perdure.bridge import MemoryBridge, MemoryStreams, open_bridge
from perdure.bridge.conformance.probe import event, meanwhile, new_stream, result, stopped, stored, take
from perdure.bridge.conformance.suite import BridgeConformance
from perdure.bridge.contract import Bridge
from perdure.contracts.errors import RunNotFoundError
from perdure.contracts.types import Stop

BATCHES = 200


class TestMemoryBridge(BridgeConformance):
    @pytest.fixture
    async def bridge(self) -> AsyncGenerator[Bridge]:
        bridge = open_bridge("memory://conformance")
        await bridge.start()
        yield bridge
        await bridge.close()

    @pytest.fixture
    async def peer(self, bridge: Bridge) -> AsyncGenerator[Bridge]:
        peer = open_bridge("memory://conformance")
        await peer.start()
        yield peer
        await peer.close()


@pytest.fixture
def streams() -> MemoryStreams:
    return MemoryStreams()


@pytest.fixture
async def bridge(streams: MemoryStreams) -> AsyncGenerator[MemoryBridge]:
    bridge = MemoryBridge(streams)
    await bridge.start()
    yield bridge
    await bridge.close()


@pytest.fixture
def hasty_threads() -> Generator[None]:
    """Threads take turns after microseconds instead of milliseconds, so that a race is met for sure."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


async def write(streams: MemoryStreams, run_id: str) -> None:
    bridge = MemoryBridge(streams)
    await bridge.start()
    for batch in range(BATCHES):
        await bridge.publish(run_id, [event(batch), event(batch)], fence=1)
    await bridge.cancel(run_id)
    await bridge.close()


async def test_streams_outlive_a_close(bridge: MemoryBridge) -> None:
    run_id = await new_stream(bridge)
    await bridge.publish(run_id, [event("a")], fence=1)
    await bridge.close()
    await bridge.start()
    assert await stored(bridge, run_id) == [(1, "a")]


async def test_a_bridge_of_its_own_shares_nothing(bridge: MemoryBridge) -> None:
    run_id = await new_stream(bridge)
    other = MemoryBridge()
    await other.start()
    with pytest.raises(RunNotFoundError):
        await other.last_event_id(run_id)
    await other.close()


async def test_an_open_bridge_that_starts_again_goes_on(bridge: MemoryBridge) -> None:
    run_id = await new_stream(bridge)
    async with aclosing(bridge.subscribe(run_id)) as events, meanwhile(take(events, 1)) as task:
        await bridge.start()
        await bridge.publish(run_id, [event("a")], fence=1)
        assert [found.data for found in await result(task)] == ["a"]


async def test_event_loops_in_several_threads_share_the_streams(
    bridge: MemoryBridge, streams: MemoryStreams, hasty_threads: None
) -> None:
    run_id = await new_stream(bridge)
    async with aclosing(bridge.subscribe(run_id)) as events, meanwhile(stopped(bridge, run_id)) as stop:
        async with asyncio.TaskGroup() as writers:
            for _ in range(4):
                writers.create_task(asyncio.to_thread(asyncio.run, write(streams, run_id)))
            live = await take(events, 4 * 2 * BATCHES)
        assert await result(stop) is Stop.NOW
    assert [int(found.id) for found in live] == list(range(1, 4 * 2 * BATCHES + 1))
    assert [found.data for found in live[::2]] == [found.data for found in live[1::2]]
