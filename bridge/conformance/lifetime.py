"""What every bridge promises of how streams begin and end, and of the end of a handle."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from ...contracts.errors import FencedError, RunNotFoundError, UnavailableError
from ...contracts.types import Stop, new_run_id
from ..contract import KEY_ONLY, Bridge, NewEvent, StreamSize
from .probe import END, event, meanwhile, new_stream, refused, rest, result, stopped, stored, take


class LifetimePromises:
    """`create`, `cleanup` and `close`."""

    async def test_create_changes_nothing_the_second_time(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        assert await bridge.last_event_id(run_id) == 0
        await bridge.publish(run_id, [event("a")], fence=5)
        await peer.create(run_id)
        assert await stored(peer, run_id) == [(1, "a")]
        with refused(FencedError):
            await peer.publish(run_id, [event("b")], fence=4)

    async def test_only_create_makes_a_stream(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = new_run_id()
        for events in ([event("a")], []):
            with refused(RunNotFoundError):
                await bridge.publish(run_id, events, fence=1)
        with refused(RunNotFoundError):
            await bridge.publish_terminal(run_id, END, fence=1)
        with refused(RunNotFoundError):
            await bridge.mark_awaiting_input(run_id, event("?"), fence=1)
        for handle in (bridge, peer):
            with refused(RunNotFoundError):
                await handle.last_event_id(run_id)

    async def test_cleanup_forgets_the_stream(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event("a")], fence=1)
        async with aclosing(peer.subscribe(run_id)) as events:
            await take(events, 1)
            async with meanwhile(take(events, 1)) as task:
                await bridge.cleanup(run_id)
                with refused(RunNotFoundError):
                    await result(task)
        with refused(RunNotFoundError):
            await peer.last_event_id(run_id)
        await bridge.cleanup(run_id)

    async def test_a_late_writer_does_not_bring_a_stream_back(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await peer.publish(run_id, [event("a")], fence=1)
        await bridge.cleanup(run_id)
        with refused(RunNotFoundError):
            await peer.publish(run_id, [event("late")], fence=1)
        with refused(RunNotFoundError):
            await peer.publish_terminal(run_id, END, fence=2)
        with refused(RunNotFoundError):
            await bridge.last_event_id(run_id)

    async def test_a_cleanup_in_the_midst_of_writers_is_final(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)

        async def write(writer: Bridge) -> None:
            with refused(RunNotFoundError):
                while True:
                    await writer.publish(run_id, [event("x")], fence=1)
                    await asyncio.sleep(0)

        async with meanwhile(write(bridge)) as mine, meanwhile(write(peer)) as other:
            async with aclosing(bridge.subscribe(run_id)) as events:
                await take(events, 10)
            await bridge.cleanup(run_id)
            await result(mine)
            await result(other)
        with refused(RunNotFoundError):
            await bridge.last_event_id(run_id)

    async def test_create_after_cleanup_is_a_new_stream(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event("old", key="k")], fence=5)
        await bridge.publish_terminal(run_id, END, fence=5)
        await bridge.cancel(run_id, stop=Stop.NOW)
        await bridge.cleanup(run_id)
        await bridge.create(run_id)
        assert await peer.last_event_id(run_id) == 0
        # Nothing is left of the old one: neither its ids nor its key, fence, end and stop.
        assert await peer.publish(run_id, [event("new", key="k")], fence=1) == 1
        assert await stored(bridge, run_id) == [(1, "new")]
        async with meanwhile(stopped(peer, run_id)) as task:
            await bridge.cancel(run_id, stop=Stop.AT_BOUNDARY)
            assert await result(task) is Stop.AT_BOUNDARY

    async def test_who_read_the_old_stream_is_not_given_the_new_one(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event("old")], fence=1)
        async with aclosing(peer.subscribe(run_id)) as events:
            await take(events, 1)
            await bridge.cleanup(run_id)
            await bridge.create(run_id)
            await bridge.publish(run_id, [event("new"), event("new")], fence=1)
            with refused(RunNotFoundError):
                await take(events, 1)

    async def test_who_waits_is_told_of_a_stream_made_again(self, bridge: Bridge, peer: Bridge) -> None:
        for _ in range(10):
            run_id = await new_stream(bridge)
            await bridge.publish(run_id, [event("old")], fence=1)
            async with aclosing(peer.subscribe(run_id)) as events:
                await take(events, 1)
                async with meanwhile(take(events, 1)) as task:
                    await bridge.cleanup(run_id)
                    await bridge.create(run_id)
                    await bridge.publish(run_id, [event("new")], fence=1)
                    with refused(RunNotFoundError):
                        await result(task)

    async def test_all_streams_are_listed_until_they_are_forgotten(self, bridge: Bridge, peer: Bridge) -> None:
        runs = {await new_stream(bridge) for _ in range(3)}
        ended, forgotten = await new_stream(bridge), await new_stream(bridge)
        await bridge.publish(ended, [event("a", key="k")], fence=1)
        await bridge.publish_terminal(ended, END, fence=1)
        await bridge.cleanup(forgotten)
        found = {run_id async for run_id in peer.held()}
        assert found & {*runs, ended, forgotten} == {*runs, ended}

    async def test_what_a_stream_holds(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        assert await peer.size(run_id) == StreamSize(0, 0)
        many = [event("é" * 100, key=f"{number % 30}") for number in range(300)]  # each key once
        await bridge.publish(run_id, [*many, NewEvent(KEY_ONLY, b"x", "key only")], fence=1)
        some = 30 * len(many[0].data)
        _check(await peer.size(run_id), events=30, data=some)
        await peer.publish(run_id, [event("x" * 2_000_000) for _ in range(2)], fence=1)  # more than a page
        await bridge.publish(run_id, [event(0) for _ in range(11_000)], fence=1)
        _check(await peer.size(run_id), events=11_032, data=some + 4_000_004 + 11_000)
        await bridge.trim(run_id, before=33)
        _check(await peer.size(run_id), events=11_000, data=11_000)
        await bridge.publish_terminal(run_id, END, fence=1)
        _check(await peer.size(run_id), events=11_001, data=11_000 + len(END.data))
        await bridge.cleanup(run_id)
        with refused(RunNotFoundError):
            await peer.size(run_id)

    async def test_close_ends_iterations(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event(1)], fence=1)
        async with meanwhile(rest(bridge.subscribe(run_id))) as waiting:
            async with aclosing(bridge.subscribe(run_id)) as events:
                await take(events, 1)
                await bridge.close()
                assert await rest(events) == []
            assert [found.data for found in await result(waiting)] in ([], [1])
        with refused(UnavailableError):
            await take(bridge.subscribe(run_id), 1)
        with refused(UnavailableError):
            await bridge.publish(run_id, [event(2)], fence=1)
        await bridge.close()

    async def test_close_ends_the_wait_for_a_stop(self, bridge: Bridge) -> None:
        async with meanwhile(stopped(bridge, new_run_id())) as task:
            await bridge.close()
            with refused(UnavailableError):
                await result(task)

    async def test_close_leaves_other_handles_alone(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        async with (
            aclosing(bridge.subscribe(run_id)) as events,
            meanwhile(rest(peer.subscribe(run_id))) as ended,
            meanwhile(take(events, 2)) as live,
            meanwhile(stopped(bridge, run_id)) as stop,
        ):
            await bridge.publish(run_id, [event("a")], fence=1)
            await peer.close()
            assert [found.data for found in await result(ended)] in ([], ["a"])
            await bridge.publish(run_id, [event("b")], fence=1)
            assert [found.data for found in await result(live)] == ["a", "b"]
            await bridge.cancel(run_id)
            assert await result(stop) is Stop.NOW


def _check(size: StreamSize, *, events: int, data: int) -> None:
    """A bridge that seals keeps more than it was given, up to this."""
    assert size.events == events
    assert data <= size.data <= 2 * data + 250 * events
