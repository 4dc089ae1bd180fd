"""What every bridge promises to those who write."""

from __future__ import annotations

import asyncio

from ...contracts.errors import FencedError, StreamEndedError
from ...contracts.types import AWAITING_INPUT_EVENT
from ..contract import Bridge
from .probe import END, event, new_stream, refused, rest, stored


class WritingPromises:
    """Ids, keys, fences, the terminal event, concurrency and cancellation."""

    async def test_publish_answers_with_the_last_id(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        assert await bridge.publish(run_id, [event("a"), event("b"), event("c")], fence=1) == 3
        assert await bridge.publish(run_id, [event("d")], fence=1) == 4
        assert await bridge.publish(run_id, [], fence=1) == 4
        assert await stored(bridge, run_id) == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]

    async def test_ids_go_on_over_attempts_and_connections(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        for attempt in range(1, 7):
            writer = (bridge, peer)[attempt % 2]
            assert await writer.publish(run_id, [event(attempt), event(-attempt)], fence=attempt) == 2 * attempt
        assert [data for _, data in await stored(bridge, run_id)] == [n for a in range(1, 7) for n in (a, -a)]

    async def test_a_key_is_published_once(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        assert await bridge.publish(run_id, [event(1, key="x"), event(2), event(3, key="y")], fence=1) == 3
        again = [event(4, key="x"), event(5, key="z"), event(6, key="z"), event(7), event(8, key="y")]
        assert await peer.publish(run_id, again, fence=2) == 5
        assert [data for _, data in await stored(bridge, run_id)] == [1, 2, 3, 5, 7]

    async def test_names_and_keys_are_any_text(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        texts = ["\ufffd", "é😀\u2028\\", " ", '"{},"', "\x01\n", "x" * 2000]
        nul = event("nul", name="\0")
        await bridge.publish(run_id, [*(event(n, name=text, key=text) for n, text in enumerate(texts)), nul], fence=1)
        assert await peer.publish(run_id, [event("again", key=text) for text in texts], fence=1) == len(texts) + 1
        await peer.publish_terminal(run_id, END, fence=1)
        assert [found.event for found in await rest(peer.subscribe(run_id))] == [*texts, "\0", "end"]

    async def test_keys_belong_to_their_run(self, bridge: Bridge) -> None:
        for run_id in (await new_stream(bridge), await new_stream(bridge)):
            assert await bridge.publish(run_id, [event("a", key="same")], fence=1) == 1

    async def test_an_older_fence_is_refused_and_changes_nothing(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event("new")], fence=2**62)
        with refused(FencedError):
            await peer.publish(run_id, [event("old", key="k")], fence=2**62 - 1)
        with refused(FencedError):
            await peer.publish(run_id, [], fence=1)
        with refused(FencedError):
            await peer.publish_terminal(run_id, END, fence=1)
        await bridge.publish(run_id, [event("mine", key="k")], fence=2**62)
        assert await stored(bridge, run_id) == [(1, "new"), (2, "mine")]

    async def test_a_publish_of_no_events_takes_the_fence(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        assert await bridge.publish(run_id, [], fence=7) == 0
        with refused(FencedError):
            await peer.publish(run_id, [event("late")], fence=6)
        assert await bridge.last_event_id(run_id) == 0

    async def test_a_terminal_event_takes_the_fence(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish_terminal(run_id, END, fence=1)
        assert await peer.publish_terminal(run_id, END, fence=9) == 1
        with refused(FencedError):
            await bridge.publish_terminal(run_id, END, fence=8)

    async def test_a_refused_writer_learns_of_the_newer_fence(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [], fence=20)
        with refused(FencedError) as caught:
            await bridge.publish(run_id, [event("late")], fence=10)
        assert [(error.run_id, error.fence, error.current) for error in caught] == [(run_id, 10, 20)]

    async def test_nothing_follows_the_terminal_event(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [event("a", key="k")], fence=3)
        assert await bridge.publish_terminal(run_id, END, fence=3) == 2
        for events in ([event("b")], [event("c", key="k")], []):
            with refused(StreamEndedError):
                await peer.publish(run_id, events, fence=4)
        with refused(FencedError):
            await peer.publish(run_id, [event("d")], fence=2)
        assert [found.event for found in await rest(bridge.subscribe(run_id))] == ["custom", "end"]

    async def test_there_is_one_terminal_event(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        assert await bridge.publish_terminal(run_id, event("first", name="error"), fence=1) == 1
        assert await peer.publish_terminal(run_id, event("second", name="end"), fence=2) == 1
        (only,) = await rest(peer.subscribe(run_id))
        assert (only.id, only.event, only.data) == ("1", "error", "first")

    async def test_awaiting_input_is_an_event_like_others(self, bridge: Bridge) -> None:
        run_id = await new_stream(bridge)
        asks = event({"question": "?"}, name=AWAITING_INPUT_EVENT, key="asks")
        assert await bridge.mark_awaiting_input(run_id, asks, fence=1) == 1
        assert await bridge.mark_awaiting_input(run_id, asks, fence=2) == 1
        assert await bridge.publish(run_id, [event("answered")], fence=2) == 2

    async def test_concurrent_batches_stay_whole(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        batches = [[event([batch, n]) for n in range(5)] for batch in range(40)]
        writers = (bridge, peer)
        last_ids = await asyncio.gather(
            *(writers[i % 2].publish(run_id, batch, fence=1) for i, batch in enumerate(batches))
        )
        assert sorted(last_ids) == list(range(5, 201, 5))
        found = await stored(bridge, run_id)
        for i, last_id in enumerate(last_ids):
            assert [data for _, data in found[last_id - 5 : last_id]] == [[i, n] for n in range(5)]

    async def test_a_cancelled_publish_comes_before_the_next(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        for n in range(60):
            task = asyncio.create_task(bridge.publish(run_id, [event([n, "cancelled"])], fence=1))
            await asyncio.sleep(n % 6 * 0.0001)
            task.cancel()
            await bridge.publish(run_id, [event([n, "next"])], fence=1)
        await peer.publish(run_id, [event("after")], fence=1)
        found = [data for _, data in await stored(bridge, run_id)][:-1]
        assert found == sorted(found)
        assert [n for n, which in found if which == "next"] == list(range(60))

    async def test_a_cancelled_publish_happens_wholly_or_not_at_all(self, bridge: Bridge, peer: Bridge) -> None:
        run_id = await new_stream(bridge)
        await bridge.publish(run_id, [], fence=1)
        for batch in range(60):
            task = asyncio.create_task(bridge.publish(run_id, [event([batch, n]) for n in range(3)], fence=1))
            await asyncio.sleep(batch % 6 * 0.0001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await peer.publish(run_id, [event("after")], fence=1)
        await bridge.publish(run_id, [event("after")], fence=1)
        found = [data for _, data in await stored(bridge, run_id) if data != "after"]
        assert found == [[batch, n] for batch, _ in found[::3] for n in range(3)]
