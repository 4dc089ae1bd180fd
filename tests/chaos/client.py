"""A client: submits runs, follows them, answers what they ask. It may be killed at any moment and started again.

`python -m chaos.client JOB`: in a process of its own, for the runs in the file JOB.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

import perdure
from perdure import RunInterrupt, RunsFacade, RunStateError, StreamEvent, UnavailableError
from perdure.contracts.types import AWAITING_INPUT_EVENT

from .journal import Journal
from .wild import WildRun, answers

JOB = TypeAdapter(list[WildRun])
T = TypeVar("T")


async def follow(runs: RunsFacade, run: WildRun) -> None:
    """Submit the run, once or again, and keep its events until its end."""
    journal = Journal(run.journal)
    try:
        await patiently(lambda: runs.create_background(run.spec()))
        if journal.last is not None:
            await _answer(runs, run.run_id, journal.last.event)
        while not journal.ended:
            await patiently(lambda: _read(runs, run.run_id, journal))
    finally:
        journal.close()


async def follow_until(runs: RunsFacade, run: WildRun, size: int) -> asyncio.Task[None]:
    """Begin to follow the run; return when its journal has so many bytes, or the run has ended."""
    following = asyncio.create_task(follow(runs, run))
    while not following.done() and (not run.journal.exists() or run.journal.stat().st_size < size):
        await asyncio.wait([following], timeout=0.005)
    return following


async def _read(runs: RunsFacade, run_id: str, journal: Journal) -> None:
    async for event in await runs.join_stream(run_id, last_event_id=journal.last_id):
        journal.add(event)
        await _answer(runs, run_id, event)


async def _answer(runs: RunsFacade, run_id: str, event: StreamEvent) -> None:
    if event.event != AWAITING_INPUT_EVENT:
        return
    asked = [RunInterrupt.model_validate(question) for question in event.data["interrupts"]]
    try:
        await patiently(lambda: runs.resume(run_id, answers(asked)))
    except RunStateError:
        return  # it had been answered: by a client that was killed, or by a call that failed half way


async def patiently(call: Callable[[], Awaitable[T]], limit: float = 60.0) -> T:
    """Repeat what may be repeated: server, workers and files may be away for a while."""
    deadline = asyncio.get_running_loop().time() + limit
    while True:
        try:
            return await call()
        except UnavailableError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.1)


async def main(job: bytes) -> None:
    async with perdure.connect() as runs, asyncio.TaskGroup() as group:
        for run in JOB.validate_json(job):
            group.create_task(follow(runs, run))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_bytes()))
