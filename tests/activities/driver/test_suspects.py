"""The turns of suspects in one worker: one at a time, in bounds, and nobody is left with a turn that is not used."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from support.servers import until
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from perdure.activities.driver import suspects as module
from perdure.activities.driver.suspects import Suspects
from perdure.contracts.types import RunTrouble
from perdure.contracts.wire import RunLimits, SliceInput

SUSPECT = RunTrouble(type="WorkerLostError", message="lost", count=3, lost=3, waiting=True, since=datetime.now(UTC))


class House:
    """A worker, and who has had a turn in it."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.go = asyncio.Event()
        self._suspects = Suspects(cast("Any", self))

    async def begin_turn(self, run_id: str, *, fence: int) -> None:
        self.began.append(run_id)

    def run(self, run_id: str, trouble: RunTrouble | None = SUSPECT, **limits: Any) -> asyncio.Task[None]:
        """It takes its time in its turn."""
        slice = SliceInput(run_id=run_id, thread_id=run_id, fence=1, limits=RunLimits(**limits))

        async def execute() -> None:
            async with self._suspects.turn(slice, trouble, fence=1, say=lambda _: None):
                await self.go.wait()

        return asyncio.create_task(self.within(execute))

    async def within(self, work: Any) -> None:
        self.environment = ActivityEnvironment()
        await self.environment.run(work)


async def test_one_suspect_executes_at_a_time_and_others_are_not_held_up() -> None:
    house = House()
    first, second, other = house.run("first"), house.run("second"), house.run("other", None)
    await until(lambda: house.began == ["first"])
    house.go.set()
    await asyncio.gather(first, second, other)
    assert house.began == ["first", "second"]


async def test_who_is_cancelled_while_it_waits_leaves_the_turn_to_the_next() -> None:
    house = House()
    first, second, third = (house.run(name) for name in ("first", "second", "third"))
    await until(lambda: house.began == ["first"])
    second.cancel()
    await asyncio.wait({second})
    house.go.set()
    await asyncio.gather(first, third)
    assert house.began == ["first", "third"]


async def test_a_turn_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one may be waiting for the second."""
    monkeypatch.setattr(module, "_LONGEST_TURN", 0.05)
    house = House()
    first, second = house.run("first"), house.run("second")
    await until(lambda: house.began == ["first", "second"])
    house.go.set()
    await asyncio.gather(first, second)
    third = house.run("third")  # no turn was given back twice
    await third
    assert house.began == ["first", "second", "third"]


async def test_the_wait_is_not_taken_for_a_superstep_that_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    house = House()
    first = house.run("first")
    await until(lambda: house.began == ["first"])
    with pytest.raises(ApplicationError, match="this one waits") as failure:
        await house.run("second", step_timeout=1.0)
    assert not failure.value.non_retryable
    house.go.set()
    await first
    await house.run("third")
    assert house.began == ["first", "third"]
