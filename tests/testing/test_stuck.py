"""A test that never ends is told of by name, with what it waits for."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from support.stuck import tell_tasks


@asynccontextmanager
async def a_fixture() -> AsyncGenerator[None]:
    yield
    await asyncio.Event().wait()


async def a_test() -> None:
    async with a_fixture():
        pass


async def test_a_task_is_told_of_down_to_what_it_waits_for() -> None:
    task = asyncio.create_task(a_test(), name="the test")
    await asyncio.sleep(0)
    told = io.StringIO()
    tell_tasks(asyncio.get_running_loop(), told)
    task.cancel()
    places = told.getvalue().split("the test:\n")[1].split("\n\n")[0]
    assert [line.split(",")[0].strip() for line in places.splitlines()] == [
        "a_test",
        "_AsyncGeneratorContextManager.__aexit__",
        "a_fixture",
        "Event.wait",
    ]
