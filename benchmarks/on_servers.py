"""Three workers on Postgres and Redis beside one on files, and a superstep on Postgres beside bare LangGraph's.

`make bench SERVERS=1`: three to five minutes, on a quiet machine. The servers are those of the tests.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from support.back_ends import on_postgres
from support.postgres import PostgresServer, started_postgres
from support.redis_servers import any_server

from . import machine
from .figures import Figure, milliseconds
from .ours import Ours, installed
from .peers.bare import Bare
from .processes import Meter
from .rows.tokens import RATE, delays
from .sizes import QUICK, Sizes
from .systems import System, burst

T = TypeVar("T")
_WORKERS = 3
_ROUNDS = 3
_STEPS = 100


async def measure(home: Path, sizes: Sizes) -> None:
    """Prints each figure as soon as there is one. The two are measured in turn, in rounds."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(started_postgres())
        redis = stack.enter_context(any_server(home / "redis"))
        kept = partial(on_postgres, url=postgres.url(), streams=redis.url)
        for name in ("servers", "files"):
            (home / name).mkdir()
        servers = await stack.enter_async_context(installed(home / "servers", workers=_WORKERS, kept=kept))
        files = await stack.enter_async_context(installed(home / "files"))
        await _one_step_runs(servers, files, sizes)
        await _tokens(servers, files, sizes)
        await _supersteps(servers, postgres, sizes)


async def _one_step_runs(servers: Ours, files: Ours, sizes: Sizes) -> None:
    runs = sizes.burst // _ROUNDS
    meters = [_meter(one) for one in (servers, files)]

    async def rate(one: Ours, meter: Meter) -> float:
        with meter:
            return await burst(one, runs, sizes.at_once)

    rates = await _in_turn(*(partial(rate, one, meter) for one, meter in zip((servers, files), meters, strict=True)))
    ours, theirs = map(statistics.median, rates)
    _say(f"one-step runs a second: {ours:.1f}, on files {theirs:.1f}: {ours / theirs:.2f} x (goal: at least 1.0)")
    cost = [1000 * sum(meter.used.values()) / (runs * (_ROUNDS + 1)) for meter in meters]
    _say(f"    CPU of Temporal and workers: {cost[0]:.1f} ms a run, on files {cost[1]:.1f}")


async def _tokens(servers: Ours, files: Ours, sizes: Sizes) -> None:
    tokens = int(RATE * sizes.token_seconds)

    async def late(one: Ours) -> Figure:
        runs = await asyncio.gather(*(delays(one, tokens) for _ in range(sizes.token_runs)))
        return milliseconds([late for run in runs for late in run])

    found = await _in_turn(partial(late, servers), partial(late, files))
    ours, theirs = (sorted(one, key=lambda figure: figure.p99)[len(one) // 2] for one in found)
    _say(f"token to reader, {sizes.token_runs} runs x {RATE} tokens/s: p50 {ours.median:.1f}, p99 {ours.p99:.1f} ms")
    _say(f"    on files p50 {theirs.median:.1f}, p99 {theirs.p99:.1f} ms: {ours.p99 / theirs.p99:.2f} x (goal: 1.0)")
    share = min(figure.n for figure in found[0]) / (tokens * sizes.token_runs)
    _say(f"    {share:.0%} delivered")


async def _supersteps(servers: Ours, postgres: PostgresServer, sizes: Sizes) -> None:
    async with AsyncPostgresSaver.from_conn_string(postgres.url(postgres.create_database())) as saver:
        await saver.setup()
        systems: list[tuple[System, Meter]] = [
            (servers, Meter({str(worker.pid): worker.pid for worker in servers.workers})),
            (Bare(saver), Meter({"this process": os.getpid()})),
        ]

        async def some(one: System, meter: Meter) -> list[float]:
            with meter:
                return [await _step(one) for _ in range(sizes.hundreds)]

        found = await _in_turn(*(partial(some, *one) for one in systems))
    ours, theirs = (statistics.median(step for some in rounds for step in some) for rounds in found)
    _say(f"a superstep: {1000 * ours:.2f} ms, bare LangGraph {1000 * theirs:.2f}: {ours / theirs:.2f} x (goal: 1.2)")
    steps = (_ROUNDS + 1) * sizes.hundreds * _STEPS
    worker, alone = (1000 * sum(meter.used.values()) / steps for _, meter in systems)
    _say(f"    CPU: {worker:.2f} ms of the workers, bare LangGraph {alone:.2f}: {worker / alone:.2f} x")


async def _step(one: System) -> float:
    """Seconds. What a run costs beside its supersteps is not in it."""
    moments = await one.follow(_STEPS)
    return (moments[_STEPS - 1] - moments[0]) / (_STEPS - 1)


async def _in_turn(*measured: Callable[[], Awaitable[T]]) -> Sequence[Sequence[T]]:
    """Each in every round, so that a busy moment of the machine hits all of them; a round before is not counted."""
    for one in measured:
        await one()
    rounds = [[await one() for one in measured] for _ in range(_ROUNDS)]
    return [*zip(*rounds, strict=True)]


def _meter(one: Ours) -> Meter:
    return Meter({"server": one.pids["server"], **{str(worker.pid): worker.pid for worker in one.workers}})


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.on_servers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="whether all works, not how fast it is")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as folder:
        _say(f"{_WORKERS} workers on Postgres and Redis; load before: {machine.load()}")
        asyncio.run(measure(Path(folder), QUICK if chosen.quick else Sizes()))


if __name__ == "__main__":
    main()
