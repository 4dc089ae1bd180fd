"""Checkpoints in a SQLite file: several connections and processes, a locked file, a full one, cancellation."""

from __future__ import annotations

import asyncio
import operator
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from support.servers import until

from perdure.checkpoints import open_checkpoints
from perdure.checkpoints.conformance.making import AT, Hooks, save
from perdure.checkpoints.contract import Guard, RunNote
from perdure.checkpoints.memory.checkpoints import MemoryCheckpoints
from perdure.checkpoints.saver import FencedSaver
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints
from perdure.checkpoints.sqlite.saving import SavingConnection, connect
from perdure.contracts.errors import ConfigError, FencedError, UnavailableError

WRITES = [("log", ["word"])]


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]


def steps(*names: str) -> Any:
    builder = StateGraph(State)
    for before, name in zip((START, *names), names, strict=False):

        async def step(state: State, name: str = name) -> dict[str, Any]:
            return {"log": [name]}

        builder.add_node(name, step)
        builder.add_edge(before, name)
    return builder


def writes(path: Path) -> list[str]:
    """The tasks whose writes are in the file, read by a connection of its own."""
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        return [task for (task,) in connection.execute("SELECT task_id FROM writes ORDER BY task_id")]


@contextmanager
def locked(path: Path) -> Generator[sqlite3.Connection]:
    """Another program's write transaction."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        if connection.in_transaction:
            connection.rollback()


@pytest.fixture
async def impatient(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteCheckpoints]:
    """Gives up on a lock at once."""
    monkeypatch.setattr("perdure.blocking.sqlite_thread.BUSY_TIMEOUT", 0.05)
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    await checkpoints.take("run", "thread", fence=1)
    yield checkpoints
    await checkpoints.close()


class Disk:
    full = True


@pytest.fixture
async def full(
    sqlite: SqliteCheckpoints, path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[SqliteCheckpoints, Disk]]:
    """Checkpoints whose file cannot grow, until there is room on the disk again."""
    await sqlite.take("run", "thread", fence=1)
    disk = Disk()

    def limited(path: Path) -> SavingConnection:
        connection = connect(path)
        if disk.full:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    monkeypatch.setattr("perdure.checkpoints.sqlite.checkpoints.connect", limited)
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    yield checkpoints, disk
    await checkpoints.close()


def assert_unlocked(path: Path) -> None:
    """Nobody holds the file's write lock at this moment."""
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("BEGIN IMMEDIATE")


async def test_a_second_connection_sees_fence_and_note(sqlite: SqliteCheckpoints, peer: SqliteCheckpoints) -> None:
    await sqlite.take("run", "thread", fence=5)
    await sqlite.note("run", RunNote(step=3))
    with pytest.raises(FencedError):
        await save(peer, Guard("run", fence=4))
    assert await peer.note("run") == RunNote(step=3)


async def test_a_fence_that_another_connection_takes_stops_this_one(
    sqlite: SqliteCheckpoints, peer: SqliteCheckpoints, hooks: Hooks, path: Path
) -> None:
    await sqlite.take("run", "thread", fence=1)
    saver = FencedSaver(sqlite, "run", fence=1, hooks=hooks)
    await saver.aput_writes(AT, WRITES, "early")
    await peer.take("run", "thread", fence=2)
    with pytest.raises(FencedError):
        await saver.aput_writes(AT, WRITES, "late")
    assert writes(path) == ["early"]


async def test_two_connections_write_at_the_same_time(
    sqlite: SqliteCheckpoints, peer: SqliteCheckpoints, hooks: Hooks, path: Path
) -> None:
    savers: list[FencedSaver] = []
    for number, checkpoints in enumerate((sqlite, peer)):
        await checkpoints.take(f"run-{number}", "thread", fence=1)
        savers.append(FencedSaver(checkpoints, f"run-{number}", fence=1, hooks=hooks))
    await asyncio.gather(
        *(saver.aput_writes(AT, WRITES, f"{a}-{b:02}") for a, saver in enumerate(savers) for b in range(40))
    )
    assert len(writes(path)) == 80


async def test_of_two_that_race_for_a_fence_the_larger_wins(
    sqlite: SqliteCheckpoints, peer: SqliteCheckpoints, hooks: Hooks
) -> None:
    results = await asyncio.gather(
        *((sqlite, peer)[fence % 2].take("run", "thread", fence=fence) for fence in range(20)), return_exceptions=True
    )
    assert all(result is None or isinstance(result, FencedError) for result in results)
    await FencedSaver(peer, "run", fence=19, hooks=hooks).aput_writes(AT, WRITES, "task")
    with pytest.raises(FencedError):
        await FencedSaver(sqlite, "run", fence=18, hooks=hooks).aput_writes(AT, WRITES, "late")


async def test_the_file_and_its_folder_are_made(sqlite: SqliteCheckpoints, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_before_start_there_is_no_saver(path: Path) -> None:
    with pytest.raises(RuntimeError, match="have not been started"):
        _ = SqliteCheckpoints(path).saver


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be used now"):
        await SqliteCheckpoints(tmp_path / "file" / "checkpoints.db").start()


@pytest.fixture
def no_database(path: Path) -> Path:
    path.parent.mkdir()
    path.write_text("hello " * 1000)
    return path


async def test_a_file_that_is_no_database(no_database: Path) -> None:
    checkpoints = SqliteCheckpoints(no_database)
    with pytest.raises(UnavailableError, match="not a database"):
        await checkpoints.start()
    await checkpoints.close()


async def test_a_start_that_fails_leaves_no_thread(no_database: Path) -> None:
    before = threading.active_count()
    checkpoints = SqliteCheckpoints(no_database)
    with pytest.raises(UnavailableError):
        await checkpoints.start()
    try:
        await until(lambda: threading.active_count() <= before, limit=1)
    finally:
        await checkpoints.close()


async def test_a_locked_file_is_waited_for(sqlite: SqliteCheckpoints, hooks: Hooks, path: Path) -> None:
    await sqlite.take("run", "thread", fence=1)
    saver = FencedSaver(sqlite, "run", fence=1, hooks=hooks)
    with locked(path) as other:
        saving = asyncio.create_task(saver.aput_writes(AT, WRITES, "task"))
        await asyncio.sleep(0.05)
        assert not saving.done()
        other.rollback()
        await saving
    assert writes(path) == ["task"]


async def test_a_file_that_stays_locked_is_an_outage_and_works_again(
    impatient: SqliteCheckpoints, hooks: Hooks, path: Path
) -> None:
    saver = FencedSaver(impatient, "run", fence=1, hooks=hooks)
    with locked(path):
        with pytest.raises(UnavailableError, match="locked"):
            await saver.aput_writes(AT, WRITES, "task")
        with pytest.raises(UnavailableError, match="locked"):
            await impatient.take("run", "thread", fence=2)
        with pytest.raises(UnavailableError, match="locked"):
            await impatient.note("run", RunNote())
        with pytest.raises(UnavailableError, match="locked"):
            await impatient.forget("run")
    assert isinstance(saver.failure, UnavailableError)
    assert writes(path) == []
    await saver.aput_writes(AT, WRITES, "task")
    assert writes(path) == ["task"]


async def test_a_locked_file_can_be_read(impatient: SqliteCheckpoints, hooks: Hooks, path: Path) -> None:
    saver = FencedSaver(impatient, "run", fence=1, hooks=hooks)
    compiled = steps("a").compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "thread"}}
    await compiled.ainvoke({"log": []}, config)
    with locked(path):
        assert (await compiled.aget_state(config)).values == {"log": ["a"]}


async def test_a_note_can_be_read_while_the_file_is_locked(impatient: SqliteCheckpoints, path: Path) -> None:
    await impatient.note("run", RunNote(step=3))
    with locked(path):
        assert await impatient.note("run") == RunNote(step=3)


async def test_a_full_disk_is_an_outage_and_works_again(
    full: tuple[SqliteCheckpoints, Disk], hooks: Hooks, path: Path
) -> None:
    checkpoints, disk = full
    saver = FencedSaver(checkpoints, "run", fence=1, hooks=hooks)
    with pytest.raises(UnavailableError, match="full"):
        await saver.aput_writes(AT, [("small", "x"), ("log", ["x" * 100_000])], "large")
    assert isinstance(saver.failure, UnavailableError)
    assert writes(path) == [], "all of a task's writes or none"
    assert_unlocked(path)
    disk.full = False
    await saver.aput_writes(AT, [("small", "x"), ("log", ["x" * 100_000])], "large")
    assert writes(path) == ["large", "large"]


async def test_a_graph_over_a_full_disk_fails_as_an_outage(full: tuple[SqliteCheckpoints, Disk], hooks: Hooks) -> None:
    saver = FencedSaver(full[0], "run", fence=1, hooks=hooks)
    compiled = steps("a", "b").compile(checkpointer=saver)
    with pytest.raises(UnavailableError):
        await compiled.ainvoke({"log": ["x" * 100_000]}, {"configurable": {"thread_id": "t"}}, durability="sync")
    assert isinstance(saver.failure, UnavailableError)


async def test_a_cancelled_write_leaves_no_transaction(
    sqlite: SqliteCheckpoints, peer: SqliteCheckpoints, hooks: Hooks, path: Path
) -> None:
    await sqlite.take("run", "thread", fence=1)
    saver = FencedSaver(sqlite, "run", fence=1, hooks=hooks)
    for turns in range(60):
        saving = asyncio.create_task(saver.aput_writes(AT, WRITES, f"cut-{turns:02}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        saving.cancel()
        await asyncio.gather(saving, return_exceptions=True)
        assert_unlocked(path)
    await peer.take("other", "thread", fence=1)  # would wait for a lock
    await saver.aput_writes(AT, WRITES, "whole")
    assert "whole" in writes(path)


async def test_a_save_that_is_cancelled_while_it_waits_for_the_lock_is_done_and_known(
    sqlite: SqliteCheckpoints, hooks: Hooks, path: Path
) -> None:
    await sqlite.take("run", "thread", fence=1)
    saver = FencedSaver(sqlite, "run", fence=1, hooks=hooks)
    with locked(path):
        saving = asyncio.create_task(saver.aput_writes(AT, WRITES, "cut"))
        await asyncio.sleep(0.05)
        saving.cancel()
        saving.cancel()
    await asyncio.gather(saving, return_exceptions=True)
    assert_unlocked(path)
    assert writes(path) == ["cut"]
    assert hooks.calls[-1] == "saved writes"


async def test_a_write_that_is_cancelled_twice(sqlite: SqliteCheckpoints, hooks: Hooks, path: Path) -> None:
    await sqlite.take("run", "thread", fence=1)
    saver = FencedSaver(sqlite, "run", fence=1, hooks=hooks)
    for turns in range(0, 40, 2):
        saving = asyncio.create_task(saver.aput_writes(AT, WRITES, f"cut-{turns:02}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        saving.cancel()
        await asyncio.sleep(0)
        saving.cancel()
        await asyncio.gather(saving, return_exceptions=True)
        async with asyncio.timeout(2):
            await saver.aput_writes(AT, WRITES, f"whole-{turns:02}")
    assert len([task for task in writes(path) if task.startswith("whole")]) == 20


async def test_close_waits_for_a_write(path: Path, hooks: Hooks) -> None:
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    await checkpoints.take("run", "thread", fence=1)
    saver = FencedSaver(checkpoints, "run", fence=1, hooks=hooks)
    saving = asyncio.create_task(saver.aput_writes(AT, WRITES, "task"))
    await asyncio.sleep(0)
    await checkpoints.close()
    await asyncio.gather(saving, return_exceptions=True)
    assert_unlocked(path)


CHILD = """
import asyncio, sys
from pathlib import Path
from perdure.checkpoints.saver import FencedSaver
from perdure.checkpoints.sqlite import SqliteCheckpoints
from perdure.checkpoints.sqlite.saving import SavingConnection, connect
class Hooks:
    async def before_writes(self, *_, namespace): pass
    def after_writes(self, *_, saved, given_up): pass
    async def before_checkpoint(self, *_, namespace): pass
    def after_checkpoint(self, *_, saved, given_up): pass
    def loaded(self, found): pass
async def main(path, name, fence):
    checkpoints = SqliteCheckpoints(Path(path))
    await checkpoints.start()
    await checkpoints.take("run", "thread", fence=int(fence))
    saver = FencedSaver(checkpoints, "run", fence=int(fence), hooks=Hooks())
    print("ready", flush=True)
    at = {"configurable": {"thread_id": "thread", "checkpoint_ns": "", "checkpoint_id": "c"}}
    number = 0
    while True:
        try:
            await saver.aput_writes(at, [("log", [name])], f"{name}-{number:06}")
        except Exception as exc:
            print(type(exc).__name__, flush=True)
            return await checkpoints.close()
        print(number, flush=True)
        number += 1
asyncio.run(main(*sys.argv[1:]))
"""


def child(path: Path, name: str, fence: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), name, str(fence)], stdout=subprocess.PIPE, text=True
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def test_a_process_that_is_killed_loses_nothing_and_locks_nothing(sqlite: SqliteCheckpoints, path: Path) -> None:
    killed = child(path, "killed", 1)
    try:
        assert await asyncio.to_thread(line, killed) == "ready"
        last = max([int(await asyncio.to_thread(line, killed)) for _ in range(20)])
        os.kill(killed.pid, signal.SIGKILL)
    finally:
        killed.kill()
        killed.communicate()
    assert set(writes(path)) >= {f"killed-{number:06}" for number in range(last + 1)}
    async with asyncio.timeout(2):
        await sqlite.take("run", "thread", fence=2)


async def test_a_process_that_is_fenced_off_by_another_stops_at_its_next_write(
    sqlite: SqliteCheckpoints, path: Path
) -> None:
    old = child(path, "old", 1)
    try:
        assert await asyncio.to_thread(line, old) == "ready"
        await asyncio.to_thread(line, old)
        await sqlite.take("run", "thread", fence=2)
        taken = len(writes(path))
        said = [text for text in (await asyncio.to_thread(old.communicate, None, 20))[0].split() if text]
    finally:
        old.kill()
        old.wait()
    assert said[-1] == "FencedError"
    assert len(writes(path)) == taken


@pytest.mark.parametrize(
    ("url", "kind"),
    [("memory://", MemoryCheckpoints), ("sqlite:///a/b.db", SqliteCheckpoints), ("sqlite:////a", SqliteCheckpoints)],
)
def test_checkpoints_by_url(url: str, kind: type) -> None:
    assert type(open_checkpoints(url)) is kind


@pytest.mark.parametrize("url", ["", "sqlite", "sqlite:", "sqlite://", "sqlite:///", "postgres://x", "file:///x"])
def test_a_wrong_url_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigError, match=r"checkpointer\.url"):
        open_checkpoints(url)


async def test_a_close_that_is_cancelled_closes_all_the_same(path: Path) -> None:
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    reader = checkpoints.saver.conn
    ending = asyncio.create_task(checkpoints.close())
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    with pytest.raises(ValueError, match="onnection"):
        await reader.execute("SELECT 1")
