"""What every bridge promises of the clients for whose sake runs go on."""

from __future__ import annotations

import asyncio
import time

from ...contracts.errors import RunNotFoundError, UnavailableError
from ...contracts.types import new_run_id
from ..contract import Bridge
from .probe import END, PATIENCE, new_stream, refused

_LONG = 3600.0
_SHORT = 0.001


async def _until_abandoned(bridge: Bridge, run_id: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while run_id not in await bridge.abandoned():
        assert time.monotonic() < deadline, "the lease does not run out"
        await asyncio.sleep(0.001)


class LeasePromises:
    """`attend`, `leave` and `abandoned`."""

    async def test_a_lease_that_has_run_out_is_seen_by_all(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.attend(run_id, _SHORT)
        await _until_abandoned(peer, run_id)
        assert run_id in await bridge.abandoned()

    async def test_a_run_whose_client_is_there_is_not_abandoned(self, bridge: Bridge, peer: Bridge) -> None:
        attended, unattended, left = await new_stream(bridge), await new_stream(bridge), await new_stream(bridge)
        await bridge.attend(attended, _LONG)
        await bridge.attend(left, _SHORT)
        await _until_abandoned(peer, left)
        assert not {attended, unattended} & set(await peer.abandoned())

    async def test_each_call_begins_the_time_anew(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.attend(run_id, _SHORT)
        await _until_abandoned(bridge, run_id)
        await peer.attend(run_id, _LONG)
        assert run_id not in await bridge.abandoned()
        await bridge.attend(run_id, _SHORT)
        await _until_abandoned(bridge, run_id)

    async def test_the_longest_abandoned_comes_first(self, bridge: Bridge, peer: Bridge) -> None:
        runs = [await new_stream(bridge) for _ in range(5)]
        for run_id in reversed(runs):
            await bridge.attend(run_id, _SHORT)
            await _until_abandoned(bridge, run_id)
        assert [run_id for run_id in await peer.abandoned() if run_id in runs] == runs[::-1]

    async def test_nobody_has_to_attend_a_run_that_was_left(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.attend(run_id, _SHORT)
        await _until_abandoned(bridge, run_id)
        for handle in (peer, bridge):
            await handle.leave(run_id)
            assert run_id not in await bridge.abandoned()
        await bridge.attend(run_id, _SHORT)
        await _until_abandoned(peer, run_id)

    async def test_who_closes_its_handle_is_not_there(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await peer.attend(run_id, _SHORT)
        await peer.close()
        await _until_abandoned(bridge, run_id)

    async def test_a_run_that_has_ended_is_not_abandoned(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.attend(run_id, _SHORT)
        await _until_abandoned(bridge, run_id)
        await peer.publish_terminal(run_id, END, fence=1)
        assert run_id not in await bridge.abandoned()
        await self._assert_ignored(bridge, run_id)

    async def test_cleanup_takes_the_lease_away(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.attend(run_id, _SHORT)
        await _until_abandoned(bridge, run_id)
        await peer.cleanup(run_id)
        assert run_id not in await bridge.abandoned()
        await peer.create(run_id)
        assert run_id not in await bridge.abandoned()

    async def test_an_unknown_run_is_not_attended(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = new_run_id()
        await bridge.leave(run_id)
        await self._assert_ignored(bridge, run_id)
        with refused(RunNotFoundError):
            await peer.last_event_id(run_id)
        await peer.create(run_id)
        assert run_id not in await bridge.abandoned()

    async def test_a_closed_bridge_keeps_no_leases(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.close()
        for call in (bridge.attend(run_id, _LONG), bridge.leave(run_id), bridge.abandoned()):
            with refused(UnavailableError):
                await call

    async def _assert_ignored(self, bridge: Bridge, run_id: str) -> None:
        """A lease for `run_id` that would run out before that of another run is none."""
        other = await new_stream(bridge)
        await bridge.attend(run_id, _SHORT)
        await bridge.attend(other, _SHORT)
        await _until_abandoned(bridge, other)
        assert run_id not in await bridge.abandoned()
