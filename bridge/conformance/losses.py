"""What every bridge promises when its back end fails, or loses something."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from ...contracts.errors import RunNotFoundError, UnavailableError
from ...contracts.types import GAP_EVENT, Stop, StreamEvent
from ..contract import Bridge, NewEvent
from .faults import Faults
from .probe import END, event, meanwhile, new_stream, rest, result, stopped, stored, take


async def publish(bridge: Bridge, run_id: str, events: Sequence[NewEvent], *, fence: int = 1) -> int:
    """As a worker does: again, for as long as the back end is away."""
    while True:
        try:
            return await bridge.publish(run_id, events, fence=fence)
        except UnavailableError:
            await asyncio.sleep(0.01)


def seen(events: Sequence[StreamEvent], *, after: int = 0) -> list[int]:
    """The ids of what came; asserts that each hole was announced, with what comes behind it, and nothing else was."""
    position, behind_gap, ids = after, False, list[int]()
    for one in events:
        if one.event == GAP_EVENT:
            assert int(one.id) > position
            assert one.data == {"first_available_id": str(int(one.id) + 1)}
            assert not behind_gap, "one hole is one gap"
        else:
            assert int(one.id) == position + 1, "a hole that nobody announces"
            ids.append(int(one.id))
        position, behind_gap = int(one.id), one.event == GAP_EVENT
    return ids


class LossPromises:
    """Lost answers, lost tails, lost notifications, restarts, holes."""

    faults: Faults = Faults()

    async def test_a_lost_answer_doubles_nothing(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        for n in range(5):
            async with self.faults.lost_answers(bridge):
                assert await publish(bridge, run_id, [event(n), event(-n, key=f"k{n}")]) == 2 * n + 2
        assert [data for _, data in await stored(peer, run_id)] == [m for n in range(5) for m in (n, -n)]

    async def test_a_lost_answer_among_many_doubles_nothing(self, bridge: Bridge, peer: Bridge) -> None:
        runs = [await new_stream(bridge) for _ in range(3)]
        async with self.faults.lost_answers(bridge):
            await asyncio.gather(*(publish(bridge, run_id, [event(n)]) for n in range(10) for run_id in runs))
        for run_id in runs:
            assert sorted(data for _, data in await stored(peer, run_id)) == list(range(10))

    async def test_a_lost_answer_of_the_end_is_one_end(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with self.faults.lost_answers(bridge):
            assert await bridge.publish_terminal(run_id, END, fence=1) == 1
        assert [found.event for found in await rest(peer.subscribe(run_id))] == ["end"]

    async def test_who_lost_its_newest_events_gives_no_id_anew(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await publish(bridge, run_id, [event(n) for n in range(1, 4)])
        async with aclosing(peer.subscribe(run_id)) as reader:
            async with self.faults.power_cut():
                await publish(bridge, run_id, [event(n) for n in range(4, 9)])
                assert seen(await take(reader, 8)) == list(range(1, 9))
            assert await publish(bridge, run_id, [event("after"), event("after")]) == 10
            await bridge.publish_terminal(run_id, END, fence=1)
            assert seen(await rest(reader), after=8) == [9, 10, 11], "who has seen the lost ones misses nothing"
        ids = seen(await rest(peer.subscribe(run_id)))
        assert ids[:3] + ids[-3:] == [1, 2, 3, 9, 10, 11]

    async def test_another_attempt_gives_no_lost_id_anew(self, bridge: Bridge, peer: Bridge) -> None:
        for create_again in (False, True):
            run_id = await new_stream(bridge)
            await publish(bridge, run_id, [event("first")])
            async with self.faults.power_cut():
                await publish(bridge, run_id, [event("lost")] * 20)
            if create_again:
                await peer.create_again(run_id)
            last = await publish(peer, run_id, [event("next")], fence=2)
            assert last > 21
            await peer.publish_terminal(run_id, END, fence=2)
            assert seen(await rest(bridge.subscribe(run_id, last_event_id=21)), after=21) == [last, last + 1]
            assert seen(await rest(bridge.subscribe(run_id)))[-2:] == [last, last + 1]

    async def test_an_attempt_after_another_one_gives_no_lost_id_anew(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await publish(bridge, run_id, [event("first")])
        async with self.faults.power_cut():
            await publish(peer, run_id, [event("lost")] * 20, fence=2)
        assert await publish(bridge, run_id, [event("next")], fence=3) > 21, "what it was told before is not the last"

    async def test_an_attempt_that_goes_on_with_a_new_fence_knows_its_ids(self, bridge: Bridge, peer: Bridge) -> None:
        for others in (False, True):
            run_id = await new_stream(bridge)
            bridge.writes_as(run_id, attempt=1, fence=1)
            await publish(bridge, run_id, [event("first")])
            if others:  # another attempt, of which the record tells
                async with self.faults.power_cut():
                    await publish(peer, run_id, [event("lost")] * 20, fence=2)
            else:
                await self.faults.restart()
            bridge.writes_as(run_id, attempt=2 if others else 1, fence=3)
            last = await publish(bridge, run_id, [event("next")], fence=3)
            assert last > 21 if others else last == 2

    async def test_a_stream_that_is_lost_is_made_again(self, bridge: Bridge, peer: Bridge) -> None:
        for writer in (bridge, peer):  # who was told the last id, and who was not
            async with self.faults.power_cut():
                run_id = await new_stream(bridge)
                await publish(bridge, run_id, [event("lost")] * 20)
            try:
                await publish(writer, run_id, [event("after")], fence=2)
            except RunNotFoundError:
                await writer.create_again(run_id)
                await publish(writer, run_id, [event("after")], fence=2)
            last = await writer.publish_terminal(run_id, END, fence=2)
            assert seen(await rest(peer.subscribe(run_id, last_event_id=20)), after=20) == [last - 1, last]
            assert seen(await rest(peer.subscribe(run_id)))[-2:] == [last - 1, last]

    async def test_a_stream_that_is_there_is_not_made_again(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        for n in range(1, 4):
            await (bridge, peer)[n % 2].create_again(run_id)
            assert await bridge.publish(run_id, [event(n)], fence=1) == n
        assert [data for _, data in await stored(peer, run_id)] == [1, 2, 3]

    async def test_what_nobody_told_is_found(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with (
            self.faults.deafness(bridge),
            aclosing(bridge.subscribe(run_id)) as events,
            meanwhile(take(events, 1)) as live,
            meanwhile(stopped(bridge, run_id)) as stop,
        ):
            await asyncio.sleep(0.05)  # they wait
            await peer.publish(run_id, [event("silent")], fence=1)
            await peer.cancel(run_id)
            assert [found.data for found in await result(live)] == ["silent"]
            assert await result(stop) is Stop.NOW

    async def test_who_waits_goes_on_after_a_restart(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await publish(bridge, run_id, [event(1)])
        async with aclosing(bridge.subscribe(run_id)) as events, aclosing(peer.subscribe(run_id)) as others:
            assert seen(await take(events, 1)) == seen(await take(others, 1)) == [1]
            async with (
                meanwhile(take(events, 1)) as live,
                meanwhile(rest(others)) as ended,
                meanwhile(stopped(bridge, run_id)) as stop,
            ):
                await self.faults.restart()
                assert await publish(bridge, run_id, [event(2)]) == 2
                await peer.cancel(run_id)
                assert [found.data for found in await result(live)] == [2]
                assert await result(stop) is Stop.NOW
                assert await bridge.publish_terminal(run_id, END, fence=1) == 3
                assert seen(await result(ended), after=1) == [2, 3]

    async def test_a_hole_in_the_middle_is_announced(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(n) for n in range(1, 10)], fence=1)
        await self.faults.remove(run_id, 4, 5)
        await self.faults.remove(run_id, 8, 8)
        await bridge.publish_terminal(run_id, END, fence=1)
        for after in range(10):
            ids = seen(await rest(peer.subscribe(run_id, last_event_id=after)), after=after)
            assert {*range(after + 1, 11)} - {4, 5, 8} <= {*ids}
