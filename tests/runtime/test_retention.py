"""What goes when it has become old, and what stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from perdure import RunNotFoundError, RunScope, RunSpec, RunStatus
from perdure.bridge import NewEvent, open_bridge
from perdure.bridge.contract import Bridge
from perdure.checkpoints import Checkpoints, open_checkpoints
from perdure.checkpoints.contract import Guard
from perdure.contracts.limit_errors import StreamRemovedError
from perdure.contracts.retention_settings import RetentionSettings
from perdure.contracts.settings import RunSettings
from perdure.contracts.wire_thread import update_owner
from perdure.facade.lasting_streams import LastingStreams
from perdure.facade.planner import ExecutionPlanner
from perdure.runtime.retention import Retention
from perdure.store import Store, open_store
from perdure.store.contract import RunEnding
from perdure.store.event_contract import EventFilter
from perdure.store.exchange import StateUpdate

LONG, SHORT = 3600.0, 1e-6
"""Seconds: what has just ended is younger than the one, and older than the other."""
NOTHING = {"streams": 0, "events": 0, "runs": 0, "threads": 0, "fences": 0}


@dataclass
class Place:
    """Back ends in files, and the threads that were to be removed."""

    store: Store
    bridge: Bridge
    checkpoints: Checkpoints
    threads: list[str] = field(default_factory=list[str])

    async def run(self, status: RunStatus | None = RunStatus.SUCCESS, *, thread_id: str | None = None) -> str:
        """A run that has ended like that, or goes on; its id."""
        scope = RunScope(thread_id=thread_id) if thread_id else RunScope(kind="stateless")
        plan = ExecutionPlanner(RunSettings()).plan(RunSpec(assistant_id="graph", scope=scope))
        run_id, thread = plan.run_id, plan.record.thread_id
        await self.store.create(plan.record, plan.spec)
        await self.bridge.create(run_id)
        await self.store.mark_submitted(run_id)
        await self.checkpoints.take(run_id, thread, fence=1)
        await self.store.mark_running(run_id, fence=1, attempt=1)
        if status is not None:
            await self.store.finish(run_id, RunEnding(status, 1), fence=1)
            await self.bridge.publish_terminal(run_id, NewEvent("end", b"{}"), fence=1)
        return run_id

    async def save(self, run_id: str, thread_id: str) -> None:
        config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        await self.checkpoints.put(Guard(run_id, 1), config, empty_checkpoint(), {}, {})

    def retention(self, *, dry: bool = False, **keep: float) -> Retention:
        async def remove(thread_id: str, unused_since: datetime) -> bool:
            self.threads.append(thread_id)
            return True

        return Retention(
            RetentionSettings(**keep),
            store=self.store,
            bridge=self.bridge,
            checkpoints=self.checkpoints,
            remove_thread=remove,
            dry=dry,
        )

    async def left(self, run_id: str) -> set[str]:
        """What there still is of a run."""
        streams = {run_id async for run_id in self.bridge.held()}
        there = {
            "streams": run_id in streams,
            "events": bool(await self.store.events.list(EventFilter(run_id=run_id))),
            "runs": await self.store.get(run_id) is not None,
            "fences": run_id in {run.run_id for run in await self.checkpoints.known()},
        }
        return {name for name, found in there.items() if found}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    bridge, checkpoints = open_bridge(f"sqlite:///{tmp_path}/bridge.db"), open_checkpoints(f"sqlite:///{tmp_path}/c.db")
    async with AsyncExitStack() as stack:
        for part in (store, bridge, checkpoints):
            await part.start()
            stack.push_async_callback(part.close)
        yield Place(store, bridge, checkpoints)


ALL = {"streams", "events", "runs", "fences"}


@pytest.mark.parametrize(
    ("keep", "left", "removed"),
    [
        ({}, ALL, {}),
        ({"streams": LONG, "events": LONG, "runs": LONG, "threads": LONG}, ALL, {}),
        ({"streams": SHORT}, ALL - {"streams"}, {"streams": 3}),
        ({"events": SHORT}, ALL - {"events"}, {"events": 3}),
        ({"streams": SHORT, "runs": SHORT}, set[str](), {"streams": 3, "runs": 3}),
        ({"runs": SHORT}, set[str](), {"runs": 3}),
        ({"threads": SHORT}, ALL, {"threads": 2}),
    ],
)
async def test_what_is_old_goes_and_what_goes_on_stays(
    place: Place, keep: dict[str, float], left: set[str], removed: dict[str, int]
) -> None:
    ended = [
        await place.run(thread_id="thread"),
        await place.run(RunStatus.ERROR, thread_id="busy"),
        await place.run(RunStatus.ROLLED_BACK, thread_id="thread-2"),
    ]
    going = await place.run(None, thread_id="busy")
    expected = {**NOTHING, **removed}
    assert asdict(await place.retention(dry=True, **keep).remove_old()) == expected
    assert [await place.left(run_id) for run_id in [*ended, going]] == [ALL] * 4
    assert place.threads == []
    assert asdict(await place.retention(dry=False, **keep).remove_old()) == expected
    assert [await place.left(run_id) for run_id in ended] == [left] * 3
    assert await place.left(going) == ALL
    assert "busy" not in place.threads
    again = asdict(await place.retention(dry=False, **keep).remove_old())
    assert again == {**NOTHING, "threads": expected["threads"]}  # it is a workflow that removes threads


async def test_a_run_that_was_alone_goes_with_its_thread(place: Place) -> None:
    plain, kept = await place.run(), await place.run()
    await place.save(kept, f"stateless-{kept}")
    assert (await place.retention(runs=SHORT).remove_old()).runs == 2
    assert await place.left(plain) == set()
    assert await place.store.threads.get(f"stateless-{plain}") is None
    assert place.threads == [f"stateless-{kept}"]  # it has a state, so its workflow has to remove it


async def test_several_at_once_do_what_one_does(place: Place) -> None:
    ended = [await place.run(thread_id=f"t{number % 3}") for number in range(12)]
    going = await place.run(None, thread_id="t1")
    rounds = [place.retention(streams=SHORT, events=SHORT, runs=SHORT).remove_old() for _ in range(3)]
    removed = await asyncio.gather(*rounds)
    assert sum(one.runs for one in removed) == 12
    assert [await place.left(run_id) for run_id in ended] == [set()] * 12
    assert await place.left(going) == ALL


async def test_orphans_go_on_demand_only(place: Place) -> None:
    ended, going = await place.run(thread_id="thread"), await place.run(None, thread_id="thread")
    deleted, lost = await place.run(thread_id="thread"), await place.run(thread_id="lost")
    for run_id in (deleted, lost):
        await place.store.delete(run_id)
    await place.store.threads.delete("lost")
    await place.store.threads.put_update("under-way", StateUpdate("json", b"1"))
    for update_id in ("under-way", "left"):
        await place.checkpoints.take(update_owner(update_id), "thread", fence=1)
    assert asdict(await place.retention(streams=LONG).remove_old()) == NOTHING
    expected = {**NOTHING, "streams": 2, "fences": 2, "threads": 1}
    for dry in (True, False):
        assert asdict(await place.retention(dry=dry).remove_orphans()) == expected
    assert place.threads == ["lost"]
    fences = {run.run_id for run in await place.checkpoints.known()}
    assert fences == {ended, going, lost, update_owner("under-way")}  # that of "lost" goes with its thread
    assert {run_id async for run_id in place.bridge.held()} == {ended, going}


async def test_who_reads_a_stream_that_was_removed_is_told_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await place.run(thread_id="thread")
    await place.retention(streams=SHORT).remove_old()
    monkeypatch.setattr("perdure.facade.lasting_streams._MENDED_WITHIN", timedelta(0))
    streams = LastingStreams(place.bridge, place.store)
    with pytest.raises(StreamRemovedError, match=r"retention\.streams"):
        await anext(streams.subscribe(run_id))
    await place.store.delete(run_id)
    with pytest.raises(RunNotFoundError, match="no run"):
        await anext(streams.subscribe(run_id))
