"""Crons: their firings are runs of their thread, once each, for the user who made them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from support.graphs import count_to, counting
from support.keys import encrypted
from support.servers import until
from temporalio.client import Client, ScheduleHandle
from temporalio.service import RPCError, RPCStatusCode

import perdure
from perdure import (
    CronNotFoundError,
    CronSpec,
    InvalidRunError,
    RunScope,
    RunsFacade,
    RunSpec,
    RunStatus,
    Settings,
    UnknownGraphError,
    Worker,
    bind_actor,
)
from perdure.contracts.wire_cron import cron_schedule_id
from perdure.store.open import opened_store

Spec = Callable[..., RunSpec]
DAY = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
ALONE = RunSpec(assistant_id="counting", scope=RunScope(kind="stateless"), input=count_to(1))


def cron(settings: Settings, run: RunSpec = ALONE, schedule: str = "0 9 * * *", **fields: Any) -> CronSpec:
    # All tests share a namespace.
    cron_id = fields.pop("cron_id", settings.temporal.task_queue)
    return CronSpec.model_validate({"schedule": schedule, "run": run, "cron_id": cron_id, **fields})


async def fired(runs: RunsFacade, count: int) -> list[str]:
    """The times of the runs, once there are so many, each of which has succeeded."""

    async def there() -> bool:
        return [one.status for one in await runs.list_runs()] == [RunStatus.SUCCESS] * count

    await until(there)
    return sorted(one.run_id.partition("@")[2] for one in await runs.list_runs())


async def firings(settings: Settings) -> int:
    """How many workflows of firings have ended."""
    client = await Client.connect(settings.temporal.address or "")
    closed = "WorkflowType = 'FireWorkflow' AND ExecutionStatus = 'Completed'"
    return (await client.count_workflows(f"{closed} AND TaskQueue = '{settings.temporal.task_queue}'")).count


async def schedule_of(settings: Settings, cron_id: str) -> ScheduleHandle:
    async with opened_store(settings.store_url) as store:
        schedule_id = cron_schedule_id(cron_id, store.installation)
    return (await Client.connect(settings.temporal.address or "")).get_schedule_handle(schedule_id)


async def test_a_backfill_runs_what_was_due_and_the_same_again_nothing(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec
) -> None:
    made = await runs.crons.create(cron(settings, spec("counting", input=count_to(1)), "0 9 1,4 * mon", paused=True))
    end = DAY + timedelta(days=7, hours=9)
    days = ["2026-03-02T09:00:00Z", "2026-03-04T09:00:00Z", "2026-03-09T09:00:00Z"]
    await runs.crons.backfill(made.cron_id, DAY + timedelta(hours=9), end)
    assert await fired(runs, 3) == days, "both ends included, and either of the two day fields"
    assert sorted(one.sequence or 0 for one in await runs.list_runs()) == [1, 2, 3], "in the line of one thread"
    await runs.crons.backfill(made.cron_id, DAY + timedelta(hours=9), end)
    await runs.crons.backfill(made.cron_id, end, end + timedelta(days=7))
    assert await fired(runs, 4) == [*days, "2026-03-16T09:00:00Z"]


async def test_a_trigger_fires_at_once_also_while_paused(runs: RunsFacade, worker: Worker, settings: Settings) -> None:
    made = await runs.crons.create(cron(settings))
    assert (made.paused, len(made.next), made.thread_id) == (False, 5, None)
    assert (await runs.crons.pause(made.cron_id)).paused
    await runs.crons.trigger(made.cron_id)
    await fired(runs, 1)
    (run,) = await runs.list_runs()
    found = await runs.crons.get(made.cron_id)
    assert found is not None
    assert (found.paused, found.recent) == (True, (run.run_id,))
    assert run.thread_id == f"stateless-{run.run_id}"
    assert not (await runs.crons.resume(made.cron_id)).paused
    assert [one.cron_id for one in await runs.crons.list()] == [made.cron_id]


async def test_another_user_finds_nothing(runs: RunsFacade, worker: Worker, settings: Settings) -> None:
    with bind_actor("ann"):
        made = await runs.crons.create(cron(settings, paused=True))
    with bind_actor("bob"):
        assert (await runs.crons.get(made.cron_id), await runs.crons.list()) == (None, [])
        assert not await runs.crons.delete(made.cron_id)
        for call in (runs.crons.pause, runs.crons.resume, runs.crons.trigger):
            with pytest.raises(CronNotFoundError):
                await call(made.cron_id)
        with pytest.raises(CronNotFoundError):
            await runs.crons.backfill(made.cron_id, DAY, DAY)
        with pytest.raises(InvalidRunError, match="stands for another cron"):
            await runs.crons.create(cron(settings, paused=True))
    await runs.crons.trigger(made.cron_id)
    await fired(runs, 1)
    assert [one.user_id for one in await runs.list_runs()] == ["ann"]


async def test_a_cron_that_is_made_again_is_the_same(runs: RunsFacade, worker: Worker, settings: Settings) -> None:
    made = await runs.crons.create(cron(settings))
    assert (await runs.crons.create(cron(settings))).created_at == made.created_at
    with pytest.raises(InvalidRunError, match="stands for another cron"):
        await runs.crons.create(cron(settings, schedule="0 8 * * *"))
    assert await runs.crons.delete(made.cron_id)
    assert not await runs.crons.delete(made.cron_id)
    assert await runs.crons.get(made.cron_id) is None
    again = await runs.crons.create(cron(settings, schedule="0 8 * * *"))
    assert {one.hour for one in again.next} == {8}


async def test_what_cannot_be_run_leaves_nothing(runs: RunsFacade, worker: Worker, settings: Settings) -> None:
    with pytest.raises(UnknownGraphError):
        await runs.crons.create(cron(settings, ALONE.model_copy(update={"assistant_id": "unknown"})))
    with pytest.raises(InvalidRunError, match="webhook"):
        await runs.crons.create(cron(settings, ALONE.model_copy(update={"webhook": "ftp://example.com"})))
    assert await runs.crons.list() == []


async def test_a_cut_creation_and_a_cut_deletion_are_mended(
    runs: RunsFacade, worker: Worker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    cron_id = settings.temporal.task_queue

    async def cut(*_: Any) -> None:
        raise ConnectionError("cut off")

    async with perdure.connect(settings=settings) as others:
        monkeypatch.setattr("perdure.facade.schedules.Schedules.ensure", cut)
        with pytest.raises(ConnectionError):
            await others.crons.create(cron(settings, paused=True))
        monkeypatch.undo()
    made = await runs.crons.get(cron_id)
    assert made is not None
    assert made.paused
    assert len(made.next) == 5, "it has got its schedule at the first look"
    monkeypatch.setattr("perdure.facade.schedules.Schedules.delete", cut)
    with pytest.raises(ConnectionError):
        await runs.crons.delete(cron_id)
    monkeypatch.undo()
    assert await runs.crons.list() == []
    left = await schedule_of(settings, cron_id)
    await left.trigger()

    async def gone() -> bool:
        try:
            await left.describe()
        except RPCError as exc:
            return exc.status is RPCStatusCode.NOT_FOUND
        return False

    await until(gone)
    assert await runs.list_runs() == []


async def test_a_busy_thread_that_rejects_is_no_failure(
    runs: RunsFacade, worker: Worker, settings: Settings, spec: Spec
) -> None:
    busy, _ = await runs.create_and_wait(spec("asking", input={"log": []}))
    made = await runs.crons.create(cron(settings, spec("asking", input={"log": []}, multitask_strategy="reject")))
    await runs.crons.trigger(made.cron_id)

    async def refused() -> bool:
        return await firings(settings) == 1

    await until(refused)
    assert [one.run_id for one in await runs.list_runs()] == [busy.run_id]


@pytest.mark.files
async def test_with_keys_nothing_of_its_input_can_be_read(settings: Settings) -> None:
    settings, secret = encrypted(settings), "the recipe of the cheese"
    run = ALONE.model_copy(update={"input": {**count_to(1), "log": [secret]}, "metadata": {"kept": "clear"}})
    async with Worker(graphs={"counting": counting()}, settings=settings), perdure.connect(settings=settings) as runs:
        made = await runs.crons.create(cron(settings, run, paused=True))
        await runs.crons.trigger(made.cron_id)
        await fired(runs, 1)
        ((found,),) = [await runs.list_runs()]
        assert (await runs.join_wait(found.run_id)).values["log"] == [secret, 1]
        stored = b"".join(file.read_bytes() for file in settings.home.rglob("*") if file.is_file())
        schedule = await (await schedule_of(settings, made.cron_id)).describe()
    assert made.cron_id.encode() in stored
    assert secret.encode() not in stored
    assert (
        made.cron_id.encode() not in schedule.raw_description.schedule.action.start_workflow.input.SerializeToString()
    )


NIGHTS = (
    # Spring in Berlin: on 28 March 2027 there is no 02:30.
    ("30 2 * * *", datetime(2027, 3, 27), ["27 01:30", "29 00:30", "30 00:30"]),
    # Autumn: on 31 October 2027 there are two; it fires once, the second time.
    ("30 2 * * *", datetime(2027, 10, 30), ["30 00:30", "31 01:30", "01 01:30"]),
    ("0 9 * * *", datetime(2027, 3, 27), ["27 08:00", "28 07:00", "29 07:00"]),
    ("0 0 13 * fri", datetime(2027, 3, 12), ["11 23:00", "12 23:00", "18 23:00"]),
    # Every half hour is every half hour, also while it is 02:00 to 03:00 twice.
    ("*/30 * * * *", datetime(2027, 10, 31, 2), ["31 00:00", "31 00:30", "31 01:00", "31 01:30", "31 02:00"]),
    ("@hourly", datetime(2027, 10, 31, 2), ["31 00:00", "31 01:00", "31 02:00"]),
    ("20 * * * *", datetime(2027, 3, 28, 1), ["28 00:20", "28 01:20", "28 02:20"]),
)
"""Each with its first day, and its first times, in UTC."""


async def test_the_nights_that_the_clocks_change(runs: RunsFacade, worker: Worker, settings: Settings) -> None:
    for number, (schedule, day, times) in enumerate(NIGHTS):
        cron_id = f"{number}-{settings.temporal.task_queue}"
        wanted = cron(settings, schedule=schedule, timezone="Europe/Berlin", starts_at=day, cron_id=cron_id)
        made = await runs.crons.create(wanted)
        assert [one.strftime("%d %H:%M") for one in made.next[: len(times)]] == times
        assert made.starts_at == wanted.starts_at, "a time of the zone"


async def test_after_its_end_it_fires_no_more(runs: RunsFacade, worker: Worker, settings: Settings) -> None:
    past = cron(settings, starts_at=DAY, ends_at=DAY + timedelta(days=1), jitter=5)
    made = await runs.crons.create(past)
    assert made.next == ()
    await runs.crons.backfill(made.cron_id, DAY - timedelta(days=9), DAY + timedelta(days=9))
    assert await fired(runs, 1) == ["2026-03-02T09:00:00Z"], "jitter is not in its id"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"schedule": "61 * * * *"}, "minute: '61'"),
        ({"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
        ({"ends_at": DAY, "starts_at": DAY}, "ends_at is not after starts_at"),
        ({"jitter": -1}, "jitter"),
        ({"cron_id": "a/b"}, "cron_id"),
        ({"run": ALONE.model_copy(update={"run_id": "mine"})}, "run.run_id: each firing has an id of its own"),
    ],
)
def test_what_is_no_cron_is_refused_at_once(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CronSpec.model_validate({"schedule": "@daily", "run": ALONE, **fields})
