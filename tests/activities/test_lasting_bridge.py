"""A stream that was lost is made again, for a run that there is, by the attempt that goes on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.stores import store_in

from perdure import RunScope, RunSpec
from perdure.activities.stream.lasting_bridge import LastingBridge, attempt_event
from perdure.bridge import MemoryBridge
from perdure.bridge.conformance.losses import seen
from perdure.bridge.conformance.probe import END, event, rest
from perdure.bridge.stream import LEAP
from perdure.contracts.errors import FencedError, RunNotFoundError
from perdure.contracts.settings import RunSettings
from perdure.contracts.types import METADATA_EVENT
from perdure.facade.planner import ExecutionPlanner
from perdure.store import SqlStore


@pytest.fixture
async def store(tmp_path: Path, migrated: Path) -> AsyncGenerator[SqlStore]:
    async with store_in(tmp_path / "store.db", migrated) as store:
        yield store


@pytest.fixture
async def inner() -> AsyncGenerator[MemoryBridge]:
    bridge = MemoryBridge()
    await bridge.start()
    yield bridge
    await bridge.close()


@pytest.fixture
def bridge(inner: MemoryBridge, store: SqlStore) -> LastingBridge:
    return LastingBridge(inner, store)


@pytest.fixture
async def run_id(store: SqlStore) -> str:
    """A run whose second attempt goes on, with the fence 20, and whose stream is not there."""
    spec = RunSpec(assistant_id="graph", scope=RunScope(kind="stateless"))
    plan = ExecutionPlanner(RunSettings()).plan(spec)
    await store.create(plan.record, plan.spec)
    await store.mark_running(plan.run_id, fence=20, attempt=2)
    return plan.run_id


async def test_it_goes_on_with_an_announcement(bridge: LastingBridge, run_id: str) -> None:
    assert await bridge.publish(run_id, [event("next")], fence=20) == LEAP + 2
    assert await bridge.mark_awaiting_input(run_id, event("?"), fence=20) == LEAP + 3
    assert await bridge.publish_terminal(run_id, END, fence=21) == LEAP + 4
    events = await rest(bridge.subscribe(run_id))
    assert seen(events) == [LEAP + n for n in range(1, 5)]
    assert [one.event for one in events] == ["gap", METADATA_EVENT, "custom", "custom", "end"]
    assert events[1].data["attempt"] == 2


async def test_only_its_end_may_be_missing(bridge: LastingBridge, run_id: str) -> None:
    await bridge.publish_terminal(run_id, END, fence=20)
    assert [one.event for one in await rest(bridge.subscribe(run_id))] == ["gap", METADATA_EVENT, "end"]


async def test_a_stream_that_is_there_stays(bridge: LastingBridge, run_id: str) -> None:
    await bridge.create(run_id)
    assert await bridge.publish(run_id, [event("first")], fence=20) == 1


async def test_a_run_that_was_deleted_gets_none(bridge: LastingBridge, store: SqlStore, run_id: str) -> None:
    await store.delete(run_id)
    for call in (bridge.publish(run_id, [], fence=20), bridge.publish_terminal(run_id, END, fence=20)):
        with pytest.raises(RunNotFoundError):
            await call
    with pytest.raises(RunNotFoundError):
        await bridge.last_event_id(run_id)


async def test_an_attempt_that_was_left_behind_makes_none(bridge: LastingBridge, run_id: str) -> None:
    with pytest.raises(FencedError):
        await bridge.publish(run_id, [event("late")], fence=19)
    with pytest.raises(RunNotFoundError):
        await bridge.last_event_id(run_id)


def test_an_attempt_is_announced_once() -> None:
    assert attempt_event("run", "thread", 2).key != attempt_event("run", "thread", 3).key
