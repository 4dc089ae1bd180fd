"""Delivery to observers: in order, at least once, in the background, and handed over where it takes too long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from support.servers import until

from perdure import ObserverBinding, RunLifecycleEvent, RunRecord, RunScope, RunSpec, RunStatus
from perdure.contracts.actor import current_actor
from perdure.contracts.errors import UnavailableError
from perdure.contracts.lifecycle import ENDINGS
from perdure.observers.dispatcher import Dispatcher, NotDeliveredError
from perdure.observers.observer import GiveUpError, Recipient, recipients
from perdure.store import RunEnding, SqlStore

LONG = 60.0
"""Seconds that no test waits."""
Take = Callable[[RunLifecycleEvent], Awaitable[None]]


class Notes:
    """An observer that notes what it is told, and does as it is asked."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.users: list[str | None] = []
        self.fails: dict[int, BaseException] = {}
        """By sequence: raised once."""
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def on_event(self, event: RunLifecycleEvent) -> None:
        self.told.append(event.sequence)
        self.users.append(actor.user_id if (actor := current_actor()) else None)
        self.entered.set()
        await self.gate.wait()
        if failure := self.fails.pop(event.sequence, None):
            raise failure


class HandOvers:
    """What was left to Temporal."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str], float]] = []

    async def __call__(self, run_id: str, required: Sequence[str], *, after: float) -> None:
        self.calls.append((run_id, list(required), after))


class House:
    """A store with one run, and couriers to it."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.handed_over = HandOvers()
        self.webhook = Notes()

    def dispatcher(self, *observers: ObserverBinding, webhook: Recipient | None = None) -> Dispatcher:
        hook = webhook or Recipient("webhook", self.webhook, 1.0, LONG, ENDINGS)
        return Dispatcher(self.store.lifecycle, recipients(observers), hook, self.handed_over)

    async def begun(self, run_id: str = "run", attempts: int = 1) -> str:
        """A run with `attempts + 2` events."""
        now = datetime.now(UTC)
        record = RunRecord(
            run_id=run_id, thread_id="t", assistant_id="a", created_at=now, updated_at=now, user_id="ann"
        )
        await self.store.create(record, RunSpec(assistant_id="a", scope=RunScope(thread_id="t")))
        for attempt in range(1, attempts + 1):
            await self.store.mark_running(run_id, fence=attempt, attempt=attempt)
        return run_id

    async def ended(self, run_id: str = "run") -> None:
        await self.store.finish(run_id, RunEnding(RunStatus.SUCCESS, 1), fence=100)

    async def delivered(self) -> dict[str, int]:
        return {one.observer: one.delivered for one in await self.store.lifecycle.deliveries("run")}


@pytest.fixture
async def house(store: SqlStore) -> House:
    return House(store)


def bound(observer: Any, name: str = "notes", **fields: Any) -> ObserverBinding:
    return ObserverBinding(observer, name=name, **fields)


async def test_events_come_in_order_and_once(house: House) -> None:
    notes = Notes()
    await house.begun(attempts=5)
    dispatcher = house.dispatcher(bound(notes))
    await asyncio.gather(*(dispatcher.deliver("run") for _ in range(10)))
    assert notes.told == [1, 2, 3, 4, 5, 6, 7]
    assert await house.delivered() == {"notes": 7}


async def test_an_observer_acts_for_the_user_of_the_run(house: House) -> None:
    notes = Notes()
    await house.begun()
    await house.dispatcher(bound(notes)).deliver("run")
    assert notes.users == ["ann", "ann", "ann"]


async def test_a_later_courier_goes_on_where_the_last_one_was(house: House) -> None:
    notes = Notes()
    await house.begun()
    await house.dispatcher(bound(notes)).deliver("run")
    await house.ended()
    await house.dispatcher(bound(notes)).deliver("run")
    assert notes.told == [1, 2, 3, 4, 5]


async def test_what_was_taken_and_not_noted_comes_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = Notes()

    async def killed(*_: Any, **__: Any) -> bool:
        raise UnavailableError("the worker is dead")

    await house.begun()
    with monkeypatch.context() as patch:
        patch.setattr(house.store.lifecycle, "mark_delivered", killed)
        with pytest.raises(UnavailableError):
            await house.dispatcher(bound(notes)).deliver("run")
    await house.dispatcher(bound(notes)).deliver("run")
    assert notes.told == [1, 1, 2, 3]


# Those that fail.


async def test_an_optional_observer_that_fails_is_skipped_and_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes()
    notes.fails = {1: ValueError("no luck")}
    await house.begun()
    with caplog.at_level(logging.WARNING):
        await house.dispatcher(bound(notes)).deliver("run")
    assert notes.told == [1, 2, 3]
    assert "observer notes did not take event run:1 (thread_status_updated): ValueError: no luck" in caplog.text
    (delivery,) = await house.store.lifecycle.deliveries("run")
    assert (delivery.delivered, delivery.failure) == (3, "ValueError: no luck")


async def test_a_required_observer_is_told_again_until_it_takes_an_event(house: House) -> None:
    notes = Notes()
    notes.fails = {2: ValueError("no luck")}
    await house.begun(attempts=2)
    dispatcher = house.dispatcher(bound(notes, required=True))
    with pytest.raises(NotDeliveredError, match=r"observer notes did not take event run:2 .*ValueError: no luck"):
        await dispatcher.deliver("run")
    assert notes.told == [1, 2], "nothing overtakes it"
    await dispatcher.deliver("run")
    assert notes.told == [1, 2, 2, 3, 4]


async def test_one_that_fails_keeps_nothing_from_the_others(house: House) -> None:
    bad, good = Notes(), Notes()
    bad.fails = {1: ValueError("no luck")}
    await house.begun()
    with pytest.raises(NotDeliveredError):
        await house.dispatcher(bound(bad, "bad", required=True), bound(good, "good")).deliver("run")
    assert good.told == [1, 2, 3]


@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError(), GiveUpError("never"), TimeoutError()])
async def test_whatever_an_observer_raises_harms_nothing(house: House, error: BaseException) -> None:
    notes = Notes()
    notes.fails = {1: error}
    await house.begun()
    await house.dispatcher(bound(notes)).deliver("run")
    assert notes.told == [1, 2, 3]


@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError()])
async def test_a_required_observer_cannot_cancel_its_delivery(house: House, error: BaseException) -> None:
    notes = Notes()
    notes.fails = {1: error}
    await house.begun()
    with pytest.raises(NotDeliveredError):
        await house.dispatcher(bound(notes, required=True)).deliver("run")


async def test_an_observer_that_takes_too_long_is_left_behind(house: House) -> None:
    async def stubborn(event: RunLifecycleEvent) -> None:
        told.append(event.sequence)
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue  # it will not be told

    told: list[int] = []
    released = asyncio.Event()
    await house.begun()
    await house.dispatcher(bound(stubborn, timeout=0.01)).deliver("run")
    assert told == [1, 2, 3]
    (delivery,) = await house.store.lifecycle.deliveries("run")
    assert delivery.failure == "it took longer than 0.01 s"
    released.set()


async def test_a_worker_without_a_required_observer_delivers_what_it_can(house: House) -> None:
    notes = Notes()
    await house.begun()
    with pytest.raises(NotDeliveredError, match="this worker has no observer 'audit'"):
        await house.dispatcher(bound(notes)).deliver_for_temporal("run", webhook=False, required=["audit", "notes"])
    assert notes.told == [1, 2, 3]


async def test_observers_that_hang_take_few_of_the_slots_of_runs(house: House) -> None:
    notes = Notes()
    notes.gate.clear()
    dispatcher = house.dispatcher(bound(notes))
    ids = [await house.begun(f"run-{number}") for number in range(11)]
    *first, last = (dispatcher.deliver_for_temporal(run_id, webhook=False, required=[]) for run_id in ids)
    async with dispatcher.running(), asyncio.TaskGroup() as group:
        for delivery in first:
            group.create_task(delivery)
        await until(lambda: len(notes.told) == 10)
        with pytest.raises(NotDeliveredError, match="busy with the observers of other runs"):
            await last
        notes.gate.set()


# Two at the same time.


async def test_two_couriers_do_not_tell_the_same_for_ever(house: House) -> None:
    """A worker that was taken for dead goes on, while another one delivers."""
    slow, fast = Notes(), Notes()
    slow.gate.clear()
    await house.begun(attempts=4)
    behind = asyncio.create_task(house.dispatcher(bound(slow)).deliver("run"))
    await slow.entered.wait()
    await house.dispatcher(bound(fast)).deliver("run")
    slow.gate.set()
    await behind
    assert (slow.told, fast.told) == ([1], [1, 2, 3, 4, 5, 6])


async def test_a_courier_that_is_overtaken_in_the_middle_says_so(house: House) -> None:
    slow = Notes()
    slow.gate.clear()
    await house.begun(attempts=4)
    behind = asyncio.create_task(house.dispatcher(bound(slow)).deliver("run"))
    await slow.entered.wait()
    await house.store.lifecycle.mark_delivered("run", "notes", 1, after=0)
    slow.gate.set()
    with pytest.raises(NotDeliveredError, match="by another worker, too"):
        await behind
    assert slow.told == [1]


async def test_a_run_that_is_deleted_meanwhile_is_told_no_more(house: House) -> None:
    notes = Notes()
    notes.gate.clear()
    await house.begun()
    delivering = asyncio.create_task(house.dispatcher(bound(notes, required=True)).deliver("run"))
    await notes.entered.wait()
    await house.store.delete("run")
    notes.gate.set()
    await delivering
    assert notes.told == [1]


# In the background.


async def test_a_run_does_not_wait_for_its_observers(house: House) -> None:
    notes = Notes()
    notes.gate.clear()
    await house.begun()
    dispatcher = house.dispatcher(bound(notes))
    async with dispatcher.running():
        dispatcher.tell("run")
        await notes.entered.wait()
        dispatcher.tell("run")
        notes.gate.set()
        await until(lambda: notes.told == [1, 2, 3])
    assert house.handed_over.calls == []


async def test_a_required_one_that_fails_is_handed_over_while_the_run_goes_on(house: House) -> None:
    notes = Notes()
    notes.fails = {1: ValueError("no luck")}
    await house.begun()
    dispatcher = house.dispatcher(bound(notes, required=True))
    async with dispatcher.running():
        dispatcher.tell("run")
        await until(lambda: house.handed_over.calls == [("run", ["notes"], 1.0)])


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's end waits for observers for as long as it takes on a busy machine."""
    monkeypatch.setattr("perdure.observers.dispatcher._PATIENCE", 30.0)


async def test_at_its_end_everything_is_delivered(house: House, patient: None) -> None:
    notes = Notes()
    await house.begun()
    async with house.dispatcher(bound(notes)).telling("run"):
        pass
    assert notes.told == [1, 2, 3]
    assert house.handed_over.calls == []


async def test_what_takes_too_long_at_the_end_is_handed_over_and_goes_on(house: House) -> None:
    notes = Notes()
    notes.gate.clear()
    await house.begun()
    dispatcher = house.dispatcher(bound(notes, timeout=7.0))
    async with dispatcher.running():
        async with asyncio.timeout(5), dispatcher.telling("run"):
            pass
        assert house.handed_over.calls == [("run", [], 7.0)]
        notes.gate.set()
        await until(lambda: notes.told == [1, 2, 3])


async def test_what_fails_at_the_end_is_handed_over_at_once(house: House, patient: None) -> None:
    notes = Notes()
    notes.fails = {2: ValueError("no luck")}
    await house.begun()
    async with house.dispatcher(bound(notes, required=True)).telling("run"):
        pass
    assert house.handed_over.calls == [("run", ["notes"], 1.0)]


async def test_a_store_that_is_away_at_the_end_is_handed_over(house: House, patient: None) -> None:
    notes = Notes()
    await house.begun()
    dispatcher = house.dispatcher(bound(notes))
    await house.store.close()
    async with dispatcher.telling("run"):
        pass
    assert house.handed_over.calls == [("run", [], 1.0)]


async def test_an_end_that_is_repeated_hands_nothing_over(house: House, patient: None) -> None:
    notes = Notes()
    await house.begun()
    with pytest.raises(UnavailableError):
        async with house.dispatcher(bound(notes)).telling("run"):
            raise UnavailableError("the bridge is away")
    assert house.handed_over.calls == []


async def test_the_end_of_the_worker_stops_its_observers(house: House) -> None:
    notes = Notes()
    notes.gate.clear()
    await house.begun()
    dispatcher = house.dispatcher(bound(notes))
    async with dispatcher.running():
        dispatcher.tell("run")
        await notes.entered.wait()
    assert await house.delivered() == {}
    assert notes.told == [1]


async def test_without_observers_and_webhook_nothing_is_read(house: House) -> None:
    dispatcher = house.dispatcher()
    await house.store.close()  # any look would fail
    dispatcher.tell("run")
    async with dispatcher.telling("run"):
        pass
    assert house.handed_over.calls == []


async def test_a_promise_is_kept_by_temporal(house: House) -> None:
    await house.dispatcher(bound(Notes())).promise("run", webhook=False)
    assert house.handed_over.calls == [], "nobody requires it"
    await house.dispatcher(bound(Notes(), required=True)).promise("run", webhook=False)
    await house.dispatcher().promise("run", webhook=True)
    assert house.handed_over.calls == [("run", ["notes"], 30.0), ("run", [], 30.0)]


# The webhook.


async def test_the_webhook_is_told_of_the_end_only(house: House) -> None:
    await house.begun(attempts=3)
    await house.ended()
    async with house.dispatcher().telling("run", webhook=True):
        pass
    assert house.webhook.told == [6]
    assert await house.delivered() == {"webhook": 7}


async def test_a_webhook_that_fails_is_repeated_for_its_time_and_then_given_up(house: House) -> None:
    await house.begun()
    await house.ended()
    house.webhook.fails = {4: ValueError("no luck")}
    with pytest.raises(NotDeliveredError):
        await house.dispatcher().deliver("run", webhook=True)
    house.webhook.fails = {4: ValueError("no luck")}
    late = Recipient("webhook", house.webhook, 1.0, 0.0, ENDINGS)
    await house.dispatcher(webhook=late).deliver("run", webhook=True)
    (delivery,) = await house.store.lifecycle.deliveries("run")
    assert (delivery.delivered, delivery.failure) == (5, "ValueError: no luck")


async def test_a_webhook_that_cannot_be_told_is_given_up_at_once(house: House) -> None:
    await house.begun()
    await house.ended()
    house.webhook.fails = {4: GiveUpError("not there")}
    await house.dispatcher().deliver("run", webhook=True)
    (delivery,) = await house.store.lifecycle.deliveries("run")
    assert delivery.failure == "not there"
