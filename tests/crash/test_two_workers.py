"""A worker that wakes while another one is at work on its runs: what the two say never interleaves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from chaos.client import follow
from chaos.journal import Received, read_journal
from chaos.verdict import attempts_of, judge
from chaos.wild import WildRun
from support.freezing import freeze
from support.proxy import Proxy
from support.servers import until
from support.workers import WorkerProcess

from perdure import RunsFacade, Settings
from perdure.contracts.settings import RunSettings
from perdure.contracts.types import METADATA_EVENT, TERMINAL_EVENTS

GRAPHS = {"wild": "wild.py:make"}
SEEDS = (3, 4, 17, 20)
"""Of graphs that take a while."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An attempt is one slice, so that it belongs to one worker."""
    return settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0, slice_budget=60.0)})


def _workers(received: list[Received]) -> Iterator[set[int]]:
    """Of each attempt, the processes whose nodes have said something in it."""
    pids: set[int] = set()
    for one in received[1:]:
        if one.event.event == METADATA_EVENT:
            yield pids
            pids = set()
        elif one.event.event.startswith("custom"):
            pids.add(one.event.data["pid"])
    yield pids


def _has_moved(run: WildRun) -> bool:
    """Or has ended: it may have been quick enough not to need the second worker."""
    journal = read_journal(run.journal)
    return 2 in attempts_of(journal) or any(one.event.event in TERMINAL_EVENTS for one in journal)


def _forget_begun(run: WildRun, pid: int, woken: float) -> None:
    """What a worker was about to begin when it was frozen begins when it wakes, before anything can tell it that it is
    over. Nothing of it is saved or said, which is judged here."""
    lines = run.effects.read_text().splitlines(keepends=True)
    begun = [(one["pid"], one["at"]) for one in map(json.loads, lines)]
    kept = [line for line, (of, at) in zip(lines, begun, strict=True) if of != pid or at < woken]
    run.effects.write_text("".join(kept))


async def test_each_attempt_is_of_one_worker(
    runs: RunsFacade, settings: Settings, temporal: str, tmp_path: Path
) -> None:
    names = {f"{tmp_path.name}-{seed}": f"two {seed}" for seed in SEEDS}
    chosen = [
        WildRun(seed=seed, run_id=name, thread_id=name, folder=tmp_path, pace=0.5) for name, seed in names.items()
    ]
    async with Proxy(temporal) as proxy, Proxy(temporal) as of_second, AsyncExitStack() as processes:
        # The second one starts before there are runs, which might else be over by then, and hears of them later.
        second = WorkerProcess(settings, GRAPHS, {"PERDURE_TEMPORAL__ADDRESS": of_second.address})
        processes.callback(second.kill)
        await until(lambda: "serving" in second.log.read_text())
        of_second.cut()
        first = WorkerProcess(settings, GRAPHS, {"PERDURE_TEMPORAL__ADDRESS": proxy.address})
        processes.callback(first.kill)
        await until(lambda: first.log.read_text().count("serving") == 2)
        group = await processes.enter_async_context(asyncio.TaskGroup())
        following = [group.create_task(follow(runs, run)) for run in chosen]
        await until(lambda: all(first.pid in set().union(*_workers(read_journal(run.journal))) for run in chosen))
        await of_second.mend()
        await freeze(first, settings)
        proxy.cut()
        await until(
            lambda: all(_has_moved(run) for run in chosen), limit=60
        )  # the SDK lets a server that was away wait for some seconds
        await proxy.mend()
        woken = time.monotonic()
        first.thaw()
        await asyncio.wait(following)
    for run in chosen:
        _forget_begun(run, first.pid, woken)
    wrong = {run.run_id: found for run in chosen if (found := await judge(runs, run))}
    assert wrong == {}
    said: list[list[set[int]]] = [[*_workers(read_journal(run.journal))] for run in chosen]
    assert all(len(pids) <= 1 for attempts in said for pids in attempts), said
    assert any({first.pid} in attempts and {second.pid} in attempts for attempts in said), (
        f"only one of {first.pid} and {second.pid} was at work: {said}"
    )
