"""What every bridge promises to those who read."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from datetime import UTC, datetime
from uuid import UUID

from ...contracts.errors import InvalidEventIdError, RunNotFoundError
from ...contracts.serialization.serializer import from_json, to_json
from ...contracts.types import GAP_EVENT, HEARTBEAT_EVENT, StreamEvent, new_run_id
from ..contract import Bridge
from .probe import END, event, meanwhile, new_stream, refused, rest, result, take


def ids(events: list[StreamEvent]) -> list[int]:
    return [int(event.id) for event in events]


class ReadingPromises:
    """Replay, live delivery, the end, gaps, heartbeats, slow readers."""

    async def test_replay_begins_after_any_id(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(n) for n in range(1, 6)], fence=1)
        await bridge.publish_terminal(run_id, END, fence=1)
        for last_id in range(7):
            for form in (last_id, str(last_id)):
                found = await rest(peer.subscribe(run_id, last_event_id=form))
                assert ids(found) == list(range(last_id + 1, 7))
        assert ids(await rest(peer.subscribe(run_id))) == [1, 2, 3, 4, 5, 6]

    async def test_a_long_history_comes_whole(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(n) for n in range(1, 2000)], fence=1)
        await bridge.publish_terminal(run_id, event(2000, name="end"), fence=1)
        assert [found.data for found in await rest(bridge.subscribe(run_id))] == list(range(1, 2001))

    async def test_events_arrive_live(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with aclosing(peer.subscribe(run_id)) as events:
            for n in range(1, 6):
                async with meanwhile(take(events, 1)) as task:
                    await bridge.publish(run_id, [event(n)], fence=1)
                    assert [found.data for found in await result(task)] == [n]
            await bridge.publish_terminal(run_id, END, fence=1)
            assert [found.event for found in await rest(events)] == ["end"]

    async def test_readers_who_join_in_the_middle_miss_nothing(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)

        async def write() -> None:
            for n in range(100):
                await bridge.publish(run_id, [event(n), event(n)], fence=1)
            await bridge.publish_terminal(run_id, END, fence=1)

        async def join(last_id: int) -> None:
            async with aclosing(peer.subscribe(run_id)) as events:
                await take(events, last_id)
            assert ids(await rest(peer.subscribe(run_id, last_event_id=last_id))) == list(range(last_id + 1, 202))

        await asyncio.gather(write(), *(join(last_id) for last_id in range(0, 200, 20)))

    async def test_an_id_beyond_the_last_event_waits(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(1)], fence=1)
        async with aclosing(peer.subscribe(run_id, last_event_id=3)) as events, meanwhile(take(events, 1)) as task:
            await bridge.publish(run_id, [event(2), event(3), event(4)], fence=1)
            assert ids(await result(task)) == [4]

    async def test_an_end_before_the_id_asked_for_ends_the_iteration(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with meanwhile(rest(peer.subscribe(run_id, last_event_id=10**18 - 1))) as task:
            await bridge.publish_terminal(run_id, END, fence=1)
            assert await result(task) == []

    async def test_an_unknown_run_is_an_error_at_once(self, bridge: Bridge) -> None:
        with refused(RunNotFoundError):
            await take(bridge.subscribe(new_run_id()), 1)
        with refused(RunNotFoundError):
            await bridge.last_event_id(new_run_id())

    async def test_what_is_no_id_is_an_error(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(1)], fence=1)
        for wrong in ("x", "", "-1", "1.0", " 1", "١", "1" * 19, -1, 10**18, True):
            with refused(InvalidEventIdError):
                await take(bridge.subscribe(run_id, last_event_id=wrong), 1)

    async def test_data_is_strict_json(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        values: list[object] = [
            {"nan": math.nan, "inf": -math.inf, "big": 2**70, "bytes": b"\xff\x00", "set": {3, 1}},
            {"time": datetime(2024, 1, 2, tzinfo=UTC), "uuid": UUID(int=1), "text": 'é😀\u2028\x00\x1f\\"'},
            *(None, True, 0.1, -(2**63), [], {}, "", object()),
        ]
        await bridge.publish(run_id, [event(value) for value in values], fence=1)
        async with aclosing(peer.subscribe(run_id)) as events:
            assert [found.data for found in await take(events, len(values))] == [
                from_json(to_json(value)) for value in values
            ]

    async def test_data_is_fresh_for_each_reader(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event({"list": [1]})], fence=1)
        for _ in range(2):
            async with aclosing(bridge.subscribe(run_id)) as events:
                (found,) = await take(events, 1)
                assert found.data == {"list": [1]}
                found.data["list"].append(2)

    async def test_many_readers_of_a_run_share_nothing_that_shows(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)

        async def change_what_is_given() -> list[list[str]]:
            found: list[list[str]] = []
            async for one in peer.subscribe(run_id):
                if one.data is not None:
                    found.append([*one.data["list"]])
                    one.data["list"].append("changed")
            return found

        async with (
            aclosing(peer.subscribe(run_id)) as slow,
            meanwhile(take(slow, 1)) as first,
            asyncio.TaskGroup() as reading,
        ):
            readers = [reading.create_task(change_what_is_given()) for _ in range(20)]
            await asyncio.sleep(0.05)  # they wait
            for n in range(10):
                await bridge.publish(run_id, [event({"list": [f"{n}"]})], fence=1)
            assert ids(await result(first)) == [1]
            await bridge.publish(run_id, [event({"list": ["x" * 10**6]})] * 2, fence=1)
            await bridge.publish_terminal(run_id, END, fence=1)
        for reader in readers:
            assert reader.result() == [*([f"{n}"] for n in range(10)), *[["x" * 10**6]] * 2]
        assert ids(await rest(peer.subscribe(run_id, last_event_id=1))) == list(range(2, 14))

    async def test_who_comes_after_a_cleanup_is_given_nothing_of_before(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with aclosing(peer.subscribe(run_id)) as slow, aclosing(peer.subscribe(run_id)) as other:
            async with meanwhile(take(slow, 1)) as one, meanwhile(take(other, 1)) as another:
                await bridge.publish(run_id, [event("old")], fence=1)
                assert ids(await result(one)) == ids(await result(another)) == [1]
            await bridge.publish(run_id, [event("old")], fence=1)
            await bridge.cleanup(run_id)
            with refused(RunNotFoundError):
                await take(peer.subscribe(run_id), 1)
            await bridge.create(run_id)
            await bridge.publish(run_id, [event("new")], fence=1)
            await bridge.publish_terminal(run_id, END, fence=1)
            assert [found.data for found in await rest(peer.subscribe(run_id))] == ["new", None]

    async def test_an_event_of_20_megabytes(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        text = "0123456789abcdef" * (20 * 2**16)
        await bridge.publish(run_id, [event("before"), event(text), event("after")], fence=1)
        await bridge.publish_terminal(run_id, END, fence=1)
        assert [found.data for found in await rest(peer.subscribe(run_id))] == ["before", text, "after", None]

    async def test_silence_is_filled_with_heartbeats(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(1)], fence=1)
        async with aclosing(bridge.subscribe(run_id, heartbeat_interval=0.02)) as events:
            found = await take(events, 3)
            assert [(one.id, one.event) for one in found[1:]] == [("1", HEARTBEAT_EVENT)] * 2
            await bridge.publish_terminal(run_id, END, fence=1)
            assert [one.id for one in await rest(events) if one.event != HEARTBEAT_EVENT] == ["2"]
        assert await bridge.last_event_id(run_id) == 2

    async def test_there_is_no_heartbeat_without_silence(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(n) for n in range(1000)], fence=1)
        await bridge.publish_terminal(run_id, END, fence=1)
        found = await rest(bridge.subscribe(run_id, heartbeat_interval=30))
        assert HEARTBEAT_EVENT not in {one.event for one in found}

    async def test_a_heartbeat_interval_is_more_than_nothing(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        with refused(ValueError):
            await take(bridge.subscribe(run_id, heartbeat_interval=0), 1)

    async def test_a_slow_reader_loses_nothing(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(0)], fence=1)
        async with aclosing(peer.subscribe(run_id)) as events:
            found = await take(events, 1)
            for _ in range(20):
                await bridge.publish(run_id, [event("x" * 1000)] * 100, fence=1)
                found += await take(events, 1)
            await bridge.publish_terminal(run_id, END, fence=1)
            found += await rest(events)
        assert ids(found) == list(range(1, 2003))

    async def test_what_was_trimmed_is_announced_by_one_gap(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(n) for n in range(1, 100)], fence=1)
        await bridge.trim(run_id, before=57)
        await bridge.trim(run_id, before=20)
        assert await bridge.publish_terminal(run_id, END, fence=1) == 100
        gap, *found = await rest(peer.subscribe(run_id, last_event_id=3))
        assert (gap.id, gap.event, gap.data) == ("56", GAP_EVENT, {"first_available_id": "57"})
        assert ids(found) == list(range(57, 101))
        assert ids(await rest(peer.subscribe(run_id, last_event_id=56))) == list(range(57, 101))

    async def test_a_reader_may_begin_when_all_was_trimmed(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(1), event(2)], fence=1)
        await bridge.trim(run_id, before=1000)
        async with aclosing(peer.subscribe(run_id)) as events:
            (gap,) = await take(events, 1)
            assert (gap.id, gap.data) == ("2", {"first_available_id": "3"})
            await bridge.publish(run_id, [event(3)], fence=1)
            assert ids(await take(events, 1)) == [3]

    async def test_a_trim_overtakes_a_slow_reader(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(1)], fence=1)
        async with aclosing(peer.subscribe(run_id)) as events:
            await take(events, 1)
            await bridge.publish(run_id, [event(n) for n in range(2, 11)], fence=1)
            await bridge.trim(run_id, before=8)
            await bridge.publish_terminal(run_id, END, fence=1)
            assert ids(await rest(events)) == [7, 8, 9, 10, 11]

    async def test_a_trim_keeps_the_terminal_event(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(1)], fence=1)
        await bridge.publish_terminal(run_id, END, fence=1)
        await bridge.trim(run_id, before=1000)
        assert [found.event for found in await rest(bridge.subscribe(run_id))] == [GAP_EVENT, "end"]
        await bridge.trim(new_run_id(), before=5)

    async def test_a_cancelled_reader_can_come_back(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        for n in range(1, 20):
            task = asyncio.create_task(take(bridge.subscribe(run_id, last_event_id=n - 1), 2))
            await asyncio.sleep(n % 5 * 0.0003)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await peer.publish(run_id, [event(n)], fence=1)
        async with aclosing(bridge.subscribe(run_id)) as events:
            assert [found.data for found in await take(events, 19)] == list(range(1, 20))
