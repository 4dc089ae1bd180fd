"""What a worker sees to beside its tasks: which runs are looked at, and what holds that up."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.servers import until
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionAsyncIterator, WorkflowHandle

from perdure import RunRecord, RunStatus, Settings
from perdure.bridge import MemoryBridge
from perdure.contracts.errors import UnavailableError
from perdure.contracts.wire import SIGNAL_CANCEL, run_workflow_id
from perdure.runtime.housekeeping import Pace
from perdure.runtime.repair import Repair
from perdure.store import SqlStore, rows, unended
from perdure.store.contract import RunEnding
from perdure.store.threads import SqlThreads

from .house import House


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.runtime.housekeeping.PACE", Pace(0.02, 0.05, 0.05, 0.01, 0.05))


async def signals(workflow: WorkflowHandle[Any, Any]) -> list[tuple[str, bytes]]:
    """Name and payload of each signal that a workflow was sent."""
    sent = [
        event.workflow_execution_signaled_event_attributes
        async for event in workflow.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]
    return [(signal.signal_name, signal.input.payloads[0].data) for signal in sent]


async def nobody_is_missed(house: House) -> bool:
    return not await house.bridge.abandoned()


class Looks(MemoryBridge):
    """A bridge that counts how often it was asked who is abandoned."""

    def __init__(self, *abandoned: str) -> None:
        super().__init__()
        self.count = 0
        self._abandoned = list(abandoned)

    async def abandoned(self) -> list[str]:
        self.count += 1
        return self._abandoned


@pytest.fixture
def no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found by looking through the records."""

    async def nothing(*_: Any, **__: Any) -> list[RunRecord]:
        return []

    monkeypatch.setattr(SqlStore, "unended", nothing)


# All runs.


async def test_terminated_runs_are_found_by_the_list(house: House, no_records: None) -> None:
    runs = [await house.submitted() for _ in range(3)]
    async with house.housekeeping().running():
        for run_id in runs:
            await house.terminated(run_id)
            await until(lambda run_id=run_id: house.ended(run_id))


async def test_what_was_looked_at_is_not_looked_at_again(
    house: House, no_records: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    lists = 0
    look, list_workflows = Repair.look, Client.list_workflows

    async def noted(self: Repair, run_id: str) -> None:
        await look(self, run_id)
        looked.append(run_id)  # a look that fails is taken again

    def counted(self: Client, *arguments: Any, **options: Any) -> WorkflowExecutionAsyncIterator:
        nonlocal lists
        lists += 1
        return list_workflows(self, *arguments, **options)

    monkeypatch.setattr(Repair, "look", noted)
    monkeypatch.setattr(Client, "list_workflows", counted)
    run_id = await house.submitted()
    await house.terminated(run_id)
    async with house.housekeeping().running():
        await until(lambda: house.ended(run_id))
        seen = lists
        await until(lambda: lists > seen + 3)
    assert looked == [run_id]


async def test_runs_without_a_workflow_are_found_by_their_records(house: House) -> None:
    runs = [await house.submitted() for _ in range(3)]
    waiting = await house.submitted()
    await house.workflow(waiting)
    async with house.housekeeping().running():
        for run_id in runs:
            await until(lambda run_id=run_id: house.ended(run_id))
    assert await house.status(waiting) is RunStatus.PENDING


async def test_all_records_have_their_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.runtime.housekeeping._PAGE", 3)
    oldest = await house.submitted()
    for _ in range(7):
        await house.store.finish(await house.submitted(), RunEnding(status=RunStatus.SUCCESS, steps=0), fence=1)
    async with house.housekeeping().running():
        await until(lambda: house.ended(oldest))


async def test_records_that_have_ended_are_not_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(20):
        await house.store.finish(await house.submitted(), RunEnding(status=RunStatus.SUCCESS, steps=0), fence=1)
    broken = await house.submitted()
    read: list[str] = []
    to_record = rows.to_record

    def noted(row: Any) -> RunRecord:
        read.append(row["run_id"])
        return to_record(row)

    for module in (rows, unended):
        monkeypatch.setattr(module, "to_record", noted)
    async with house.housekeeping().running():
        await until(lambda: house.ended(broken))
    assert {*read} == {broken}


async def test_one_worker_at_a_time_looks_at_the_records(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looking: set[str] = set()
    most, looks = 0, 0

    async def noted(self: Repair, run_id: str) -> None:
        nonlocal most, looks
        assert run_id not in looking
        looking.add(run_id)
        looks, most = looks + 1, max(most, len(looking))
        await asyncio.sleep(0.05)
        looking.discard(run_id)

    monkeypatch.setattr(Repair, "look", noted)
    for _ in range(3):
        await house.submitted()
    async with house.housekeeping().running(), house.housekeeping().running():
        await until(lambda: looks > 12)
    assert most == 1


async def test_the_rounds_of_a_worker_that_died_go_to_another(house: House) -> None:
    run_id = await house.submitted()
    dead = f"records of {house.task_queue}"
    assert await house.store.lease(dead, "a dead worker", 0.3)
    async with house.housekeeping().running():
        await until(lambda: house.ended(run_id))


async def test_a_run_that_cannot_be_repaired_keeps_no_other_waiting(
    house: House, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    behind, broken = await house.submitted(), await house.submitted()
    with closing(sqlite3.connect(settings.home / "store.db")) as connection:
        connection.execute("UPDATE run_specs SET payload_kind = 'nonsense' WHERE run_id = ?", (broken,))
        connection.commit()
    async with house.housekeeping().running():
        await until(lambda: house.ended(behind))
        await until(lambda: f"run {broken} is left as it is for now" in caplog.text)


async def test_a_look_that_fails_is_not_the_last_one(house: House, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Looks):
        async def abandoned(self) -> list[str]:
            await super().abandoned()
            raise UnavailableError("the bridge is away") if self.count % 2 else RuntimeError("a mistake")

    bridge = Failing()
    async with house.housekeeping(bridge=bridge).running():
        await until(lambda: bridge.count > 4)
    assert "the bridge is away" in caplog.text
    assert "RuntimeError: a mistake" in caplog.text, "with its traceback"


async def test_nothing_is_done_or_said_while_temporal_is_away(
    house: House, away: Client, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    run_id = await house.submitted()
    bridge = Looks(run_id)
    async with house.housekeeping(away, bridge).running():
        await until(lambda: bridge.count > 10)
    assert await house.status(run_id) is RunStatus.PENDING
    assert (*capfd.readouterr(), caplog.text) == ("", "", "")


async def test_it_ends_at_once_whatever_it_is_doing(house: House) -> None:
    class Stuck(Looks):
        async def abandoned(self) -> list[str]:
            await super().abandoned()
            await asyncio.Event().wait()
            return []

    bridge = Stuck()
    async with house.housekeeping(bridge=bridge).running():
        await until(lambda: bridge.count == 1)
        ending = time.monotonic()
    assert time.monotonic() - ending < 1


async def test_values_of_states_that_nobody_takes_go_after_a_day(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[timedelta] = []
    drop_left = SqlThreads.drop_left

    async def noted(self: SqlThreads, before: datetime) -> int:
        looks.append(datetime.now(UTC) - before)
        return await drop_left(self, before)

    monkeypatch.setattr(SqlThreads, "drop_left", noted)
    await house.store.threads.put_answer("read", b"[]")
    async with house.housekeeping().running():
        await until(lambda: bool(looks))
    assert timedelta(days=1) <= looks[0] < timedelta(days=1, minutes=1)
    assert await house.store.threads.take_answer("read") == b"[]"


# Runs that their client has left.


async def test_an_abandoned_run_is_told_once_to_stop(house: House) -> None:
    run_id = await house.submitted()
    workflow = await house.workflow(run_id)
    await house.bridge.attend(run_id, 0)
    async with house.housekeeping().running(), house.housekeeping().running():
        await until(lambda: nobody_is_missed(house))
    told = await signals(workflow)
    assert set(told) == {(SIGNAL_CANCEL, b'{"action":"interrupt"}')}
    assert len(told) <= 2, "each worker tells it at the most once"


async def test_an_attended_run_goes_on(house: House) -> None:
    attended, left_alone = await house.submitted(), await house.submitted()
    await house.workflow(attended)
    await house.workflow(left_alone)
    await house.bridge.attend(attended, 3600)
    await house.bridge.attend(left_alone, 0)
    async with house.housekeeping().running():
        await until(lambda: nobody_is_missed(house))
    workflow = house.client.get_workflow_handle(run_workflow_id(attended))
    assert await signals(workflow) == []


async def test_a_submission_cut_off_half_way_is_cancelled_when_it_gets_through(house: House) -> None:
    run_id = await house.draft()
    await house.bridge.attend(run_id, 0)
    bridge = Looks()
    async with house.housekeeping().running(), house.housekeeping(bridge=bridge).running():
        await until(lambda: bridge.count > 5)
        assert await house.bridge.abandoned() == [run_id]
        workflow = await house.workflow(run_id)
        await until(lambda: nobody_is_missed(house))
    assert len(await signals(workflow)) == 1


@pytest.mark.parametrize("deleted", [True, False])
async def test_nobody_has_to_attend_what_has_ended(house: House, deleted: bool) -> None:
    run_id = await house.submitted()
    await house.bridge.attend(run_id, 0)
    if deleted:
        await house.store.delete(run_id)
    else:
        await house.store.finish(run_id, RunEnding(status=RunStatus.SUCCESS, steps=0), fence=1)
    async with house.housekeeping().running():
        await until(lambda: nobody_is_missed(house))
