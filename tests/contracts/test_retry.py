"""The retry helper: what is tried again, how often, with which pauses, and what ends it."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from perdure.contracts.retry import Retry, is_a, retried, retried_on_thread

BROKEN = is_a(OSError)
FOR_EVER = float("inf")


class Fails:
    """A call that raises these, one after another, and then succeeds."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.at: list[float] = []

    def call(self) -> str:
        self.at.append(time.monotonic())
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    async def acall(self) -> str:
        await asyncio.sleep(0)
        return self.call()

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in itertools.pairwise(self.at)]


async def _awaited(fails: Fails, how: Retry) -> str:
    return await retried(fails.acall, how)


async def _blocking(fails: Fails, how: Retry) -> str:
    return await asyncio.to_thread(retried_on_thread, fails.call, how)


both = pytest.mark.parametrize("run", [_awaited, _blocking])
Run = Callable[[Fails, Retry], "asyncio.Future[str]"]


@both
async def test_a_failure_that_passes_is_waited_for_and_told(run: Run) -> None:
    first, second = OSError("first"), OSError("second")
    told: list[Exception] = []
    fails = Fails(first, second)
    assert await run(fails, Retry(when=BROKEN, until=FOR_EVER, pause=0.01, tell=told.append)) == "done"
    assert told == [first, second]
    assert [pause >= 0.01 for pause in fails.pauses] == [True, True]


@both
async def test_the_pauses_double_up_to_the_longest(run: Run) -> None:
    fails = Fails(*(OSError() for _ in range(4)))
    await run(fails, Retry(when=BROKEN, until=FOR_EVER, pause=0.02, longest_pause=0.05))
    for pause, least in zip(fails.pauses, [0.02, 0.04, 0.05, 0.05], strict=True):
        assert pause >= least - 0.001
    assert sum(fails.pauses) < 0.02 + 4 * 0.2, "they have grown on"


@both
@pytest.mark.parametrize("failure", [ValueError("other"), SystemExit(3), asyncio.CancelledError("stop")])
@pytest.mark.parametrize("before", [0, 1])
async def test_what_does_not_pass_is_raised_as_it_is(run: Run, failure: BaseException, before: int) -> None:
    fails = Fails(*(OSError() for _ in range(before)), failure)

    async def caught() -> BaseException:  # within one task: no event loop is to see a SystemExit
        try:
            await run(fails, Retry(when=BROKEN, until=FOR_EVER, pause=0.001))
        except BaseException as exc:  # noqa: BLE001 - it is what is looked at
            return exc
        return AssertionError("nothing was raised")

    assert repr(await caught()) == repr(failure)
    assert len(fails.at) == before + 1


@both
async def test_after_the_time_the_last_failure_is_raised(run: Run) -> None:
    failures = [OSError(n) for n in range(1000)]
    fails = Fails(*failures)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - which one is looked at below
        await run(fails, Retry(when=BROKEN, until=time.monotonic() + 0.1, pause=0.01))
    assert caught.value is failures[len(fails.at) - 1]
    assert len(fails.at) > 1
    fails = Fails(*failures)
    with pytest.raises(OSError):  # noqa: PT011
        await run(fails, Retry(when=BROKEN, until=time.monotonic() - 1, pause=0.01))
    assert len(fails.at) == 1


async def test_a_cancellation_ends_a_pause_at_once() -> None:
    fails = Fails(OSError(), OSError())
    told = asyncio.Event()
    how = Retry(when=BROKEN, until=FOR_EVER, pause=60, tell=lambda _: told.set())
    waiting = asyncio.create_task(retried(fails.acall, how))
    await told.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 10)
    assert len(fails.at) == 1


def test_what_succeeds_at_once_does_not_load_the_library() -> None:
    code = (
        "import sys, perdure.contracts.retry as retry\n"
        "how = retry.Retry(when=retry.is_a(OSError), until=0, pause=1)\n"
        "retry.retried_on_thread(lambda: 1, how)\n"
        "sys.exit('tenacity' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
