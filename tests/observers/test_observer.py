"""What a worker takes for an observer, and what becomes of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from perdure import (
    CallbackObserver,
    CompositeObserver,
    NullObserver,
    ObserverBinding,
    RunLifecycleEvent,
    RunObserver,
    ensure_observer,
)
from perdure.activities import recipients
from perdure.contracts.actor import bind_actor, current_actor
from perdure.observers.callback import THREADS

EVENT = RunLifecycleEvent(
    event_id="r:1", event_type="run_started", run_id="r", thread_id="t", sequence=1, occurred_at=datetime.now(UTC)
)
Take = Callable[[RunLifecycleEvent], Any]


class Audit:
    def __init__(self, *, fails: bool = False) -> None:
        self.seen: list[RunLifecycleEvent] = []
        self._fails = fails

    async def on_event(self, event: RunLifecycleEvent) -> None:
        self.seen.append(event)
        if self._fails:
            raise ValueError("no luck")


def plain(event: RunLifecycleEvent) -> None:
    """A function of this module."""


async def test_an_observer_stays_what_it_is() -> None:
    audit = Audit()
    assert ensure_observer(audit) is audit
    assert isinstance(audit, RunObserver)


async def test_a_plain_function_is_called_beside_the_event_loop() -> None:
    seen: list[Any] = []
    await ensure_observer(lambda event: seen.append((event, threading.current_thread()))).on_event(EVENT)
    assert [event for event, _ in seen] == [EVENT]
    assert seen[0][1] is not threading.main_thread()
    assert seen[0][1].daemon, "the end of the process does not wait for it"


async def test_an_async_function_is_called_on_the_event_loop() -> None:
    seen: list[Any] = []

    async def function(event: RunLifecycleEvent) -> None:
        await asyncio.sleep(0)
        seen.append(threading.current_thread())

    await ensure_observer(function).on_event(EVENT)
    await ensure_observer(lambda event: function(event)).on_event(EVENT)
    assert seen == [threading.main_thread()] * 2


async def test_a_method_that_is_not_async_may_block() -> None:
    class Plain:
        def on_event(self, event: RunLifecycleEvent) -> None:
            threads.append(threading.current_thread())

    threads: list[threading.Thread] = []
    await ensure_observer(Plain().on_event).on_event(EVENT)
    await ensure_observer(Plain()).on_event(EVENT)  # type: ignore[arg-type]
    assert threading.main_thread() not in threads
    assert len(threads) == 2


async def test_none_is_nobody() -> None:
    nobody = ensure_observer(None)
    assert isinstance(nobody, NullObserver)
    await nobody.on_event(EVENT)


async def test_a_list_is_a_composite() -> None:
    one, other = Audit(), Audit()
    await ensure_observer([one, ObserverBinding(other)]).on_event(EVENT)
    assert one.seen == other.seen == [EVENT]


@pytest.mark.parametrize("value", [5, "audit", Audit, object(), {"a": 1}])
def test_anything_else_is_refused(value: Any) -> None:
    takers: list[Callable[[Any], object]] = [ensure_observer, ObserverBinding, CompositeObserver]
    takers.append(lambda one: recipients([one]))
    for take in takers:
        with pytest.raises(TypeError):
            take(value)


@pytest.mark.parametrize("error", [ValueError("no luck"), StopIteration(1), SystemExit(1), KeyboardInterrupt()])
async def test_what_a_function_raises_reaches_the_caller_as_an_error(error: BaseException) -> None:
    def function(event: RunLifecycleEvent) -> None:
        raise error

    with pytest.raises(Exception, match=type(error).__name__ if not isinstance(error, ValueError) else "no luck"):
        await ensure_observer(function).on_event(EVENT)


async def test_functions_that_hang_use_up_a_few_threads_only() -> None:
    release = threading.Event()

    def hang(event: RunLifecycleEvent) -> None:
        release.wait(30)

    observer = CallbackObserver(hang)
    before = threading.active_count()
    calls = [asyncio.create_task(observer.on_event(EVENT)) for _ in range(THREADS + 5)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert before < threading.active_count() <= before + THREADS
    release.set()
    async with asyncio.timeout(10):
        await observer.on_event(EVENT)  # there is room again


async def test_a_function_finds_the_actor_of_its_caller() -> None:
    found: list[Any] = []
    with bind_actor("ann"):
        await ensure_observer(lambda event: found.append(current_actor())).on_event(EVENT)
    assert [actor.user_id for actor in found] == ["ann"]


# Several as one.


async def test_a_composite_tells_the_others_when_one_fails() -> None:
    one, other = Audit(fails=True), Audit()
    await CompositeObserver(one, other).on_event(EVENT)
    assert one.seen == other.seen == [EVENT]


async def test_a_composite_raises_what_a_required_one_raised_when_all_are_told() -> None:
    last = Audit()
    composite = CompositeObserver(Audit(fails=True), ObserverBinding(Audit(fails=True), required=True), last)
    with pytest.raises(ValueError, match="no luck"):
        await composite.on_event(EVENT)
    assert last.seen == [EVENT]


async def test_what_is_required_in_a_list_or_another_composite_is_required() -> None:
    required = ObserverBinding(Audit(fails=True), required=True)
    for composite in (CompositeObserver([required]), CompositeObserver(CompositeObserver(required))):
        with pytest.raises(ValueError, match="no luck"):
            await composite.on_event(EVENT)


async def test_a_composite_does_not_wait_for_a_slow_one() -> None:
    async def slow(event: RunLifecycleEvent) -> None:
        await asyncio.sleep(60)

    last = Audit()
    await CompositeObserver(ObserverBinding(slow, timeout=0.01), last).on_event(EVENT)
    assert last.seen == [EVENT]


# The observers of a worker.


@pytest.mark.parametrize(
    ("observer", "name"),
    [
        (Audit(), "Audit"),
        (plain, "plain"),
        (partial(plain), "plain"),
        (CallbackObserver(plain), "plain"),
        (Audit().on_event, "Audit.on_event"),
    ],
)
def test_the_name_of_an_observer(observer: Any, name: str) -> None:
    assert [one.name for one in recipients([observer])] == [f"{__name__}.{name}"]
    assert [one.name for one in recipients([ObserverBinding(observer, name="mine")])] == ["mine"]


def test_two_of_the_same_name_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"two observers are named '.*Audit'; tell them apart: ObserverBinding\(…, name"
    ):
        recipients([Audit(), Audit()])
    assert len(recipients([Audit(), ObserverBinding(Audit(), name="other")])) == 2


def test_the_name_of_webhooks_is_taken() -> None:
    with pytest.raises(ValueError, match="choose another name"):
        recipients([ObserverBinding(plain, name="webhook")])


def test_a_composite_is_taken_apart() -> None:
    composite = CompositeObserver(ObserverBinding(Audit(), required=True), plain)
    assert [(one.name.rpartition(".")[2], one.required) for one in recipients([composite])] == [
        ("Audit", True), ("plain", False)
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"timeout": -1.0}, {"name": " "}])
def test_a_wrong_binding_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ObserverBinding(plain, **wrong)
