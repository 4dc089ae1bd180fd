"""What would end the process leaves no task of a graph; all other tasks are as they were."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import warnings
from asyncio import runners
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from perdure.contracts.containment import ContainedExit, contained

_EXITS = [SystemExit(2), KeyboardInterrupt()]


async def _raises(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def _gathers(error: BaseException) -> None:
    await asyncio.gather(_raises(error), asyncio.sleep(0))


async def _in_another_context(error: BaseException) -> None:
    await asyncio.create_task(_raises(error), context=contextvars.copy_context())


async def _in_a_thread(error: BaseException) -> None:
    def work() -> None:
        raise error

    await asyncio.create_task(asyncio.to_thread(work))


@pytest.mark.parametrize("error", _EXITS, ids=repr)
@pytest.mark.parametrize("work", [_raises, _gathers, _in_another_context, _in_a_thread])
async def test_it_is_raised_as_another_that_names_it(
    work: Callable[[BaseException], Awaitable[None]], error: BaseException
) -> None:
    with pytest.raises(ContainedExit) as caught, contained():
        await work(error)
    assert caught.value.__cause__ is error
    assert str(caught.value) == repr(error)


async def test_a_task_that_is_cancelled_before_it_begins_leaves_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contained():
            task = asyncio.create_task(_raises(ValueError()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gc.collect()


async def test_other_tasks_are_not_touched() -> None:
    with contained():
        within = asyncio.create_task(asyncio.sleep(0))
    outside = asyncio.create_task(asyncio.sleep(0))
    await asyncio.gather(within, outside)
    assert asyncio.iscoroutine(outside.get_coro())
    assert type(outside.get_coro()).__name__ == "coroutine"
    assert type(within.get_coro()).__name__ != "coroutine"
    assert "sleep" in repr(within)


async def test_a_factory_of_before_makes_the_tasks() -> None:
    made: list[str] = []
    mine = asyncio.current_task()

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        if asyncio.current_task() is mine:  # the event loop is that of other tests, too
            made.append("task")
        return asyncio.Task(coro, loop=loop, **more)

    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(factory)  # type: ignore[arg-type]
    try:
        with contained(), contained():
            await asyncio.create_task(asyncio.sleep(0), name="named")
        assert made == ["task"]
    finally:
        loop.set_task_factory(before)


async def test_a_second_ctrl_c_is_meant_for_the_process() -> None:
    code = compile("def on_sigint():\n    raise KeyboardInterrupt\n", runners.__file__, "exec")
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    with pytest.raises(KeyboardInterrupt), contained():
        namespace["on_sigint"]()


async def test_results_and_errors_pass_as_they_are() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    with contained():
        assert await asyncio.create_task(answer()) == 42
        with pytest.raises(ValueError, match="plain"):
            await asyncio.create_task(_raises(ValueError("plain")))
        caught = False
        try:
            sys.exit(1)  # caught where it is raised, as by any code
        except SystemExit:
            caught = True
    assert caught
