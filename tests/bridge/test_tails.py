"""Who follows a run in the same process reads its tail once; nobody waits for anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

import pytest
from support.servers import until

from perdure.bridge import SqliteBridge
from perdure.bridge.conformance.probe import END, event, meanwhile, new_stream, rest, result, take
from perdure.bridge.sqlite import streams
from perdure.bridge.stream import Excerpt, StoredEvent
from perdure.bridge.subscription import follow
from perdure.bridge.tails import Tails
from perdure.bridge.watches import Topic, Watches
from perdure.contracts.errors import UnavailableError
from perdure.contracts.types import StreamEvent

SUBJECT = ("run", Topic.STREAM)


class BackEnd:
    """A stream whose reads can be held up, and fail."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.reads: list[int] = []
        self.watches = Watches()
        self.tails = Tails()
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = 0

    def publish(self, count: int = 1, size: int = 2) -> None:
        for _ in range(count):
            self.events.append(StoredEvent(len(self.events) + 1, "custom", b'"%s"' % (b"x" * size)))
        self.watches.wake([SUBJECT])

    async def read(self, position: int) -> Excerpt:
        self.reads.append(position)
        found = Excerpt(1, 1, len(self.events), False, self.events[position : position + 500])
        await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise UnavailableError("as asked")
        return found

    def subscribe(self, last_event_id: int = 0) -> AsyncGenerator[StreamEvent]:
        return follow(
            SUBJECT[0],
            last_event_id,
            None,
            watch=lambda: self.watches.add(SUBJECT),
            read=self.read,
            tails=self.tails,
        )

    @property
    def kept(self) -> Excerpt | None:
        """What the tail of the run holds."""
        (tail,) = self.tails._tails.values()  # pyright: ignore[reportPrivateUsage]
        return tail._newest  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
async def back_end() -> BackEnd:
    return BackEnd()


async def test_fifty_readers_read_little_more_than_one(
    bridge: SqliteBridge, peer: SqliteBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def counted(*arguments: object, position: int, **named: object) -> Excerpt:
        reads.append(position)
        return read(*arguments, position=position, **named)  # pyright: ignore[reportArgumentType]

    read = streams.read
    monkeypatch.setattr(streams, "read", counted)
    run_id = await new_stream(bridge)
    async with asyncio.TaskGroup() as reading:
        readers = [reading.create_task(rest(bridge.subscribe(run_id))) for _ in range(50)]
        await until(lambda: len(reads) > 1)
        for n in range(20):
            await peer.publish(run_id, [event(n)], fence=1)
            await asyncio.sleep(0.02)
        await peer.publish_terminal(run_id, END, fence=1)
    assert all([found.id for found in reader.result()] == [str(n) for n in range(1, 22)] for reader in readers)
    assert len(reads) < 100, "and not 50 × 21"
    assert bridge._tails._tails == {}  # pyright: ignore[reportPrivateUsage]


async def test_what_changes_while_the_tail_is_read_is_not_missed(back_end: BackEnd) -> None:
    async with aclosing(back_end.subscribe()) as one, aclosing(back_end.subscribe()) as other:
        async with meanwhile(take(one, 1)) as first, meanwhile(take(other, 1)) as second:
            await until(lambda: len(back_end.reads) >= 2)
            back_end.publish()
            await asyncio.gather(result(first), result(second))
        async with meanwhile(take(one, 2)) as first, meanwhile(take(other, 2)) as second:
            await asyncio.sleep(0.01)  # they wait
            back_end.gate.clear()
            before = len(back_end.reads)
            back_end.publish()
            await until(lambda: len(back_end.reads) > before)  # which has seen one event
            back_end.publish()
            await asyncio.sleep(0.01)
            back_end.gate.set()
            for task in (first, second):
                assert [found.id for found in await result(task)] == ["2", "3"]


async def test_a_read_that_another_one_overtakes_is_no_less_good(back_end: BackEnd) -> None:
    async with aclosing(back_end.subscribe()) as one, aclosing(back_end.subscribe()) as other:
        async with meanwhile(take(one, 1)) as first, meanwhile(take(other, 1)) as second:
            await asyncio.sleep(0.01)  # they wait
            back_end.publish()
            await asyncio.gather(result(first), result(second))
        async with meanwhile(take(one, 1)) as first, meanwhile(take(other, 1)) as second:
            held, free = asyncio.Event(), back_end.gate
            back_end.gate = held
            async with meanwhile(take(back_end.subscribe(1), 1)) as third:
                await asyncio.sleep(0.01)  # it reads, the others wait
                back_end.gate = free
                back_end.publish()
                assert [(await result(task))[0].id for task in (first, second)] == ["2", "2"]
                held.set()
                assert [found.id for found in await result(third)] == ["2"]


async def test_a_reader_that_does_not_come_back_is_waited_for_by_nobody(back_end: BackEnd) -> None:
    async with aclosing(back_end.subscribe()) as slow, aclosing(back_end.subscribe()) as quick:
        back_end.publish()
        await take(slow, 1)
        await take(quick, 1)
        for n in range(2, 1000):
            async with meanwhile(take(quick, 1)) as task:
                back_end.publish()
                assert [found.id for found in await result(task)] == [str(n)]
        assert [found.id for found in await take(slow, 998)] == [str(n) for n in range(2, 1000)]


async def test_what_is_kept_is_bounded(back_end: BackEnd) -> None:
    async with aclosing(back_end.subscribe()) as one, aclosing(back_end.subscribe()) as other:
        for size, most in ((2, 200), (10_000, 26), (300_000, 0)):
            for _ in range(3):
                async with meanwhile(take(one, 300)) as first, meanwhile(take(other, 300)) as second:
                    await asyncio.sleep(0.01)
                    back_end.publish(300, size)
                    assert await result(first) == await result(second)
            assert back_end.kept is not None
            assert len(back_end.kept.events) <= most


async def test_who_reads_for_others_may_be_cancelled(back_end: BackEnd) -> None:
    back_end.publish()
    back_end.gate.clear()
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(meanwhile(take(back_end.subscribe(), 1))) for _ in range(5)]
        await until(lambda: len(back_end.reads) == 2)  # the first one alone, the second one, for which the others wait
        for reader in readers[:-1]:
            reader.cancel()
        await asyncio.gather(*readers[:-1], return_exceptions=True)
        back_end.gate.set()
        assert [found.id for found in await result(readers[-1])] == ["1"]
        assert len(back_end.reads) == 3, "one that began after it had come"


async def test_when_the_read_for_all_fails_each_looks_for_itself(back_end: BackEnd) -> None:
    async with aclosing(back_end.subscribe()) as one, aclosing(back_end.subscribe()) as other:
        for n in (1, 2):
            async with meanwhile(take(one, 1)) as first, meanwhile(take(other, 1)) as second:
                await asyncio.sleep(0.01)
                back_end.fails = n - 1
                back_end.publish()
                for task in (first, second):
                    assert [found.id for found in await result(task)] == [str(n)]


@pytest.mark.parametrize("readers", [1, 3])
async def test_what_is_read_while_the_bridge_is_closed_ends_the_iteration(back_end: BackEnd, readers: int) -> None:
    back_end.gate.clear()
    async with AsyncExitStack() as stack:
        tasks = [await stack.enter_async_context(meanwhile(rest(back_end.subscribe()))) for _ in range(readers)]
        back_end.watches.close()
        back_end.fails = 2 * readers
        back_end.gate.set()
        for task in tasks:
            assert await result(task) == []


async def test_a_slow_reader_of_a_closed_bridge_is_no_part_of_the_next(bridge: SqliteBridge) -> None:
    run_id = await new_stream(bridge)
    await bridge.publish(run_id, [event(1), event(2)], fence=1)
    async with aclosing(bridge.subscribe(run_id)) as slow:
        await take(slow, 1)
        await bridge.close()
        await bridge.start()
        async with aclosing(bridge.subscribe(run_id, last_event_id=2)) as events, meanwhile(take(events, 1)) as live:
            await asyncio.sleep(0.05)
            await bridge.publish(run_id, [event(3)], fence=1)
            assert [found.data for found in await result(live)] == [3]
        assert [found.data for found in await rest(slow)] == [2]
