"""How a worker begins and ends: all of it, or nothing."""

from __future__ import annotations

import asyncio
import threading

import pytest
from support.graphs import count_to, counting
from support.servers import until

from perdure import ConfigError, RunScope, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.settings import BridgeSettings


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}


async def test_a_part_that_cannot_start_leaves_none_of_the_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def for_ever(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("perdure.checkpoints.sqlite.checkpoints.SqliteCheckpoints.start", for_ever)
    settings.home.mkdir()
    (settings.home / "notes.txt").write_text("dear diary, " * 100)
    broken = settings.model_copy(update={"bridge": BridgeSettings(url=f"sqlite:///{settings.home}/notes.txt")})
    tasks, threads = asyncio.all_tasks(), _threads()
    with pytest.raises(ConfigError, match="not a SQLite database"):
        await Worker(graphs={"counting": counting()}, settings=broken).run()
    await until(lambda: _threads() <= threads)
    assert asyncio.all_tasks() <= tasks


async def test_a_block_that_is_cancelled_before_it_begins_serves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _threads()
    announcing = asyncio.Event()

    async def announce(*_: object) -> None:
        announcing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("perdure.store.workers.SqlWorkers.announce", announce)
    entering = asyncio.create_task(Worker(graphs={"counting": counting()}, settings=settings).__aenter__())
    await announcing.wait()
    entering.cancel()
    await asyncio.wait({entering})
    assert entering.cancelled()
    await until(lambda: _threads() <= before)


async def test_the_block_begins_when_it_serves(runs: RunsFacade, settings: Settings) -> None:
    async with Worker(graphs={"counting": counting()}, settings=settings):
        spec = RunSpec(assistant_id="counting", scope=RunScope(kind="stateless"), input=count_to(1))
        _, result = await runs.create_and_wait(spec)
    assert result.status is RunStatus.SUCCESS
