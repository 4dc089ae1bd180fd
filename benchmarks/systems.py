"""What every system can be asked: one run of the counting graph, and how long it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

Moments = list[float]
"""Seconds after the submission at which each event came; the last is the end of the run."""


class System(Protocol):
    """Ours, or a peer."""

    @property
    def name(self) -> str: ...

    @property
    def streams(self) -> bool:
        """Whether it tells of a run's steps while it goes on; else it tells of the end only."""
        ...

    @property
    def pids(self) -> Mapping[str, int]:
        """Its processes, beside ours, by what they are."""
        ...

    async def follow(self, steps: int, delay: float = 0.0) -> Moments:
        """One run on a thread of its own, with a superstep of `delay` seconds `steps` times. Raises if it fails."""
        ...


async def repeated(times: int, measured: Callable[[], Awaitable[float]]) -> list[float]:
    """One after the other, the first one not counted."""
    await measured()
    return [await measured() for _ in range(times)]


async def first(system: System) -> float:
    """Seconds to the first event of a run on a new thread."""
    return (await system.follow(1))[0]


async def whole(system: System, steps: int) -> float:
    """Seconds to the end of a run."""
    return (await system.follow(steps))[-1]


async def burst(system: System, runs: int, at_once: int) -> float:
    """Runs a second, of one step each, `at_once` of them in flight."""
    limit = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with limit:
            await system.follow(1)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(runs):
            group.create_task(one())
    return runs / (time.perf_counter() - began)


class Stopwatch:
    """The moments of one run."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.moments: Moments = []

    def tick(self) -> None:
        self.moments.append(time.perf_counter() - self._began)
