"""What every bridge promises of the stop channel."""

from __future__ import annotations

import asyncio

from ...contracts.types import Stop, new_run_id
from ..contract import Bridge
from .probe import END, event, meanwhile, new_stream, result, stopped

_PROMPTLY = 2.0
"""Seconds: a hundred times what it takes, for slow machines."""


class StopPromises:
    """Order, delivery and memory of stops."""

    async def test_a_stop_reaches_who_waits(self, bridge: Bridge, peer: Bridge) -> None:
        for stop in Stop:
            run_id = await new_stream(bridge)
            await bridge.create(run_id)
            async with meanwhile(stopped(peer, run_id)) as task:
                async with asyncio.timeout(_PROMPTLY):
                    await bridge.cancel(run_id, stop=stop)
                    assert await task is stop

    async def test_a_stop_waits_for_who_comes_later(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.cancel(run_id)
        assert await stopped(peer, run_id) is Stop.NOW
        assert await stopped(bridge, run_id, beyond=Stop.AT_BOUNDARY) is Stop.NOW

    async def test_now_outranks_at_boundary(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.cancel(run_id, stop=Stop.AT_BOUNDARY)
        assert await stopped(peer, run_id) is Stop.AT_BOUNDARY
        async with meanwhile(stopped(peer, run_id, beyond=Stop.AT_BOUNDARY)) as task:
            await bridge.cancel(run_id, stop=Stop.AT_BOUNDARY)
            await bridge.cancel(run_id, stop=Stop.NOW)
            assert await result(task) is Stop.NOW

    async def test_a_stop_is_never_taken_back(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.cancel(run_id, stop=Stop.NOW)
        await peer.cancel(run_id, stop=Stop.AT_BOUNDARY)
        await peer.create(run_id)
        await peer.publish(run_id, [event(1)], fence=9)
        assert await stopped(bridge, run_id) is Stop.NOW

    async def test_nothing_outranks_now(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with (
            meanwhile(stopped(bridge, run_id, beyond=Stop.NOW)) as beyond,
            meanwhile(stopped(bridge, run_id)) as any_stop,
        ):
            await bridge.cancel(run_id, stop=Stop.NOW)
            assert await result(any_stop) is Stop.NOW
            assert not beyond.done()

    async def test_a_stop_is_for_one_run(self, bridge: Bridge, peer: Bridge) -> None:
        mine, other = await new_stream(bridge), await new_stream(bridge)
        async with meanwhile(stopped(peer, mine)) as untouched, meanwhile(stopped(peer, other)) as task:
            await bridge.cancel(other)
            await result(task)
            assert not untouched.done()

    async def test_events_are_no_stop(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with meanwhile(stopped(peer, run_id)) as task:
            for n in range(10):
                await bridge.publish(run_id, [event(n)], fence=1)
            await bridge.publish_terminal(run_id, END, fence=1)
            await bridge.cancel(run_id, stop=Stop.AT_BOUNDARY)
            assert await result(task) is Stop.AT_BOUNDARY

    async def test_an_unknown_run_is_not_stopped(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = new_run_id()
        await bridge.cancel(run_id)
        await bridge.create(run_id)
        async with meanwhile(stopped(peer, run_id)) as task:
            await bridge.cancel(run_id, stop=Stop.AT_BOUNDARY)
            assert await result(task) is Stop.AT_BOUNDARY

    async def test_one_may_wait_before_the_stream_is_there(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = new_run_id()
        async with meanwhile(stopped(peer, run_id)) as task:
            await bridge.create(run_id)
            await bridge.cancel(run_id)
            assert await result(task) is Stop.NOW

    async def test_a_cancelled_wait_leaves_the_stop_to_others(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with meanwhile(stopped(peer, run_id)) as task:
            async with meanwhile(stopped(peer, run_id)):
                pass
            await bridge.cancel(run_id)
            assert await result(task) is Stop.NOW
