"""A stream for whose reader alone its run goes on: when the run is cancelled, and when it is not."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from perdure import RunNotFoundError, RunRecord, UnavailableError
from perdure.bridge import MemoryBridge, MemoryStreams
from perdure.bridge.conformance.probe import END, PATIENCE, event
from perdure.contracts.types import StreamEvent
from perdure.facade.streams import Attend, create_attended

RUN = "run"


class Client:
    """What the facade does, without Temporal."""

    def __init__(self, bridge: MemoryBridge) -> None:
        self.bridge = bridge
        self.cancelled: list[str] = []
        self.cancel_fails: Exception | None = None
        self.create_fails: BaseException | None = None

    async def open(self) -> AsyncGenerator[StreamEvent]:
        _, stream = await create_attended(self.bridge, self.create, self.cancel)
        return stream

    async def create(self, attend: Attend) -> RunRecord:
        await self.bridge.create(RUN)
        await attend(RUN)
        if self.create_fails is not None:
            raise self.create_fails
        now = datetime.now(UTC)
        return RunRecord(run_id=RUN, thread_id="thread", assistant_id="graph", created_at=now, updated_at=now)

    async def cancel(self, run_id: str) -> None:
        if self.cancel_fails is not None:
            raise self.cancel_fails
        self.cancelled.append(run_id)


@pytest.fixture
async def peer() -> AsyncGenerator[MemoryBridge]:
    """The bridge as a worker has it."""
    bridge = MemoryBridge(MemoryStreams())
    await bridge.start()
    yield bridge
    await bridge.close()


@pytest.fixture
def client(peer: MemoryBridge) -> Client:
    return Client(peer)


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr("perdure.facade.streams.LEASE", 0.15)
    return 0.15


async def _abandoned(bridge: MemoryBridge) -> None:
    async with asyncio.timeout(PATIENCE):
        while await bridge.abandoned() != [RUN]:  # noqa: ASYNC110 – no event tells of it
            await asyncio.sleep(0.005)


class Renewals:
    """Counts the leases that are given."""

    def __init__(self, bridge: MemoryBridge, failures: int = 0) -> None:
        self._attend = bridge.attend
        self._failures = failures
        self._given = asyncio.Semaphore(0)

    async def attend(self, run_id: str, lease: float) -> None:
        self._failures -= 1
        if self._failures >= 0:
            raise UnavailableError("the bridge is away")
        await self._attend(run_id, lease)
        self._given.release()

    async def next(self) -> None:
        await asyncio.wait_for(self._given.acquire(), PATIENCE)


async def test_the_stream_begins_with_its_first_event(client: Client, peer: MemoryBridge) -> None:
    async with aclosing(await client.open()) as stream:
        await peer.publish(RUN, [event("a")], fence=1)
        found = await anext(stream)
        assert (found.id, found.data) == ("1", "a")


async def test_a_stream_read_to_its_end_cancels_nothing(client: Client, peer: MemoryBridge) -> None:
    stream = await client.open()
    await peer.publish_terminal(RUN, END, fence=1)
    assert [found.event async for found in stream] == ["end"]
    assert client.cancelled == []


async def test_a_stream_closed_at_the_terminal_event_cancels_nothing(client: Client, peer: MemoryBridge) -> None:
    stream = await client.open()
    await peer.publish_terminal(RUN, END, fence=1)
    await anext(stream)
    await stream.aclose()
    assert client.cancelled == []


async def test_closing_it_before_the_end_cancels(client: Client, peer: MemoryBridge) -> None:
    stream = await client.open()
    await peer.publish(RUN, [event("a")], fence=1)
    await anext(stream)
    await stream.aclose()
    assert client.cancelled == [RUN]


async def test_closing_it_before_anything_was_read_cancels(client: Client) -> None:
    await (await client.open()).aclose()
    assert client.cancelled == [RUN]


async def test_dropping_it_before_anything_was_read_cancels(client: Client) -> None:
    await client.open()
    gc.collect()
    async with asyncio.timeout(PATIENCE):
        while not client.cancelled:  # noqa: ASYNC110 – the garbage collector tells nobody
            await asyncio.sleep(0.001)


async def test_a_reader_that_is_cancelled_cancels(client: Client) -> None:
    stream = await client.open()
    reading = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    assert client.cancelled == [RUN]


async def test_a_client_is_there_before_it_reads_and_while_it_is_slow(
    client: Client, peer: MemoryBridge, short_lease: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aclosing(await client.open()) as stream:
        renewals = Renewals(peer)
        monkeypatch.setattr(peer, "attend", renewals.attend)
        await renewals.next()
        await renewals.next()
        await peer.publish(RUN, [event("a"), event("b")], fence=1)
        await anext(stream)
        await renewals.next()
        await renewals.next()


async def test_who_is_closed_out_of_temporal_lets_the_lease_run_out(
    client: Client, peer: MemoryBridge, short_lease: float
) -> None:
    client.cancel_fails = UnavailableError("Temporal is away")
    await (await client.open()).aclose()
    await _abandoned(peer)


async def test_a_submission_that_fails_lets_the_lease_run_out(
    client: Client, peer: MemoryBridge, short_lease: float
) -> None:
    client.create_fails = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await client.open()
    await _abandoned(peer)


async def test_a_lease_that_could_not_be_renewed_is_tried_again(
    client: Client, peer: MemoryBridge, short_lease: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.facade.streams._RETRY", 0.01)
    async with aclosing(await client.open()):
        renewals = Renewals(peer, failures=3)
        monkeypatch.setattr(peer, "attend", renewals.attend)
        await renewals.next()
        await renewals.next()


async def test_the_error_of_the_stream_is_the_readers(client: Client, peer: MemoryBridge) -> None:
    stream = await client.open()
    client.cancel_fails = RunNotFoundError(RUN)
    await peer.cleanup(RUN)
    with pytest.raises(RunNotFoundError):
        await anext(stream)


async def test_nothing_goes_on_after_the_end(client: Client, peer: MemoryBridge) -> None:
    before = asyncio.all_tasks()
    stream = await client.open()
    assert len(asyncio.all_tasks()) == len(before) + 1
    await peer.publish_terminal(RUN, END, fence=1)
    _ = [found async for found in stream]
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
