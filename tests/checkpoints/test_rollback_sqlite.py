"""Rollback in a SQLite file: what it costs a run, readers beside it, cancellation, a locked file, a full one."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from perdure.checkpoints.conformance import graphs
from perdure.checkpoints.conformance.graphs import GREETING
from perdure.checkpoints.conformance.making import save
from perdure.checkpoints.conformance.threads import at
from perdure.checkpoints.contract import Guard
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints
from perdure.contracts.errors import UnavailableError

from .threads import KEPT_ROWS, LANGGRAPHS, Threads


@pytest.fixture
def threads(sqlite: SqliteCheckpoints, path: Path) -> Threads:
    return Threads(sqlite, path, graphs.asking())


@pytest.fixture
async def answered(threads: Threads) -> Threads:
    """A thread with open questions, of which the run `run` has answered one."""
    await threads.run("greeting", GREETING)
    await threads.run("run", await threads.answers("one?"))
    return threads


async def test_a_new_turn_keeps_nothing(sqlite: SqliteCheckpoints, path: Path) -> None:
    threads = Threads(sqlite, path, graphs.chat())
    await threads.run("greeting", GREETING)
    await threads.run("run", {"log": ["again"], "last": "again"})
    assert not any(threads.rows(*KEPT_ROWS).values())


async def test_an_answer_keeps_each_checkpoint_that_it_changes_once(answered: Threads) -> None:
    before = answered.rows()["checkpoints"]
    await answered.run("run", await answered.answers())
    await answered.run("run", await answered.answers())
    marks = answered.rows("perdure_marks")["perdure_marks"]
    # The root's head, and those of the subgraphs in which a question was open: one, and one within another.
    assert len({namespace for _, _, namespace, _, _ in marks}) == len(marks) == 4
    assert {(namespace, id) for _, _, namespace, id, _ in marks} <= {(row[1], row[2]) for row in before}


async def test_a_known_checkpoint_costs_no_statement(
    statements: list[str], sqlite: SqliteCheckpoints, path: Path
) -> None:
    threads = Threads(sqlite, path, graphs.asking())
    await threads.run("greeting", GREETING)
    command = await threads.answers()
    before = len(statements)
    await threads.run("run", command)
    marking = [text for text in statements[before:] if "INTO perdure_marks" in text]
    assert len(marking) == len(threads.rows("perdure_marks")["perdure_marks"]) == 4


async def test_a_settled_run_leaves_only_its_fence(answered: Threads) -> None:
    await answered.checkpoints.settle("run")
    assert not any(row[0] == "run" for row in answered.rows("perdure_marks")["perdure_marks"])
    assert not any(row[0] == "run" for row in answered.rows("perdure_kept_writes")["perdure_kept_writes"])
    assert ("run", "thread", 1, "") in answered.rows("perdure_runs")["perdure_runs"]


async def test_a_run_that_is_put_back_leaves_nothing_that_was_kept(answered: Threads) -> None:
    await answered.restore("run")
    assert not any(answered.rows(*KEPT_ROWS).values())


async def test_a_forgotten_run_leaves_nothing(answered: Threads) -> None:
    await answered.checkpoints.forget("run")
    assert not any(row[0] == "run" for rows in answered.rows("perdure_runs", *KEPT_ROWS).values() for row in rows)


async def test_a_deleted_thread_leaves_nothing(answered: Threads) -> None:
    await answered.checkpoints.delete_thread("thread")
    assert not any(answered.rows(*LANGGRAPHS, "perdure_runs", *KEPT_ROWS).values())


async def test_every_column_of_langgraphs_writes_is_kept(sqlite: SqliteCheckpoints, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        theirs, ours = (
            {row[1:4] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in ("writes", "perdure_kept_writes")
        )
    assert {name for name, _, _ in ours} - {name for name, _, _ in theirs} == {"run_id"}
    assert theirs <= ours


async def test_a_file_of_the_last_version_opens(path: Path) -> None:
    path.parent.mkdir()
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        await saver.setup()
        await saver.conn.execute(
            "CREATE TABLE perdure_runs "
            "(run_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, fence INTEGER NOT NULL, note TEXT) WITHOUT ROWID"
        )
        await saver.conn.commit()
        await graphs.asking().copy({"checkpointer": saver}).ainvoke(GREETING, at("thread"))
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    threads = Threads(checkpoints, path, graphs.asking())
    rows = threads.rows()
    await threads.run("run", await threads.answers())
    await threads.restore("run")
    await checkpoints.close()
    assert threads.rows() == rows


async def test_metadata_that_is_no_json_is_somebody_elses(threads: Threads, sqlite: SqliteCheckpoints) -> None:
    odd: Any = {"configurable": {"thread_id": "thread", "temperature": float("nan")}}
    await threads.on(sqlite.saver).ainvoke(GREETING, odd)
    rows = threads.rows()
    await threads.run("run", await threads.answers())
    await threads.restore("run")
    assert threads.rows() == rows


async def test_a_save_of_nothing_keeps_too(sqlite: SqliteCheckpoints, peer: SqliteCheckpoints, path: Path) -> None:
    await sqlite.take("run", "thread", fence=1)
    await save(sqlite, Guard("run", fence=1, keep=True))
    assert Threads(peer, path, graphs.asking()).rows(*KEPT_ROWS)["perdure_marks"] == [("run", "thread", "", "c", 0)]


async def test_a_save_that_fails_keeps_nothing(answered: Threads) -> None:
    saver = await answered.begin("next")
    head = await saver.aget_tuple(at("thread"))
    assert head is not None
    with pytest.raises(TypeError):
        await saver.aput_writes(head.config, [("log", lambda: None)], "task")
    assert not any(row[0] == "next" for row in answered.rows(*KEPT_ROWS)["perdure_marks"])
    await saver.aput_writes(head.config, [("log", ["word"])], "task")
    assert any(row[0] == "next" for row in answered.rows(*KEPT_ROWS)["perdure_marks"])


async def test_a_reader_sees_the_thread_before_or_after_and_nothing_between(answered: Threads) -> None:
    saver = answered.checkpoints.saver

    async def seen() -> str:
        found = await saver.aget_tuple(at("thread"))
        return repr(found and found.pending_writes)

    with_run = await seen()
    reading = [asyncio.create_task(seen()) for _ in range(3)]
    restoring = asyncio.create_task(answered.restore("run"))
    while not restoring.done():
        reading.append(asyncio.create_task(seen()))
        await asyncio.sleep(0)
    await restoring
    assert set(await asyncio.gather(*reading)) <= {with_run, await seen()}


async def test_cut_at_every_await_it_is_done_whole_or_not_at_all(answered: Threads) -> None:
    await answered.restore("run")
    before = answered.rows()
    ends: list[bool] = []
    for turns in range(0, 300, 10):
        await answered.run("run", await answered.answers("one?"))
        with_run = answered.rows()
        restoring = asyncio.create_task(answered.restore("run"))
        for _ in range(turns):
            await asyncio.sleep(0)
        restoring.cancel()
        await asyncio.gather(restoring, return_exceptions=True)
        assert answered.rows() in (with_run, before)
        ends.append(answered.rows() == before)
        await answered.restore("run")
        assert answered.rows() == before
    assert False in ends


async def test_a_thread_in_a_locked_file_is_put_back_later(
    answered: Threads, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = answered.rows()
    monkeypatch.setattr("perdure.blocking.sqlite_thread.BUSY_TIMEOUT", 0.02)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="locked"):
            await answered.restore("run")
    assert answered.rows() == rows
    await answered.restore("run")
    assert answered.rows() != rows


async def test_two_processes_may_put_back_at_the_same_time(
    answered: Threads, peer: SqliteCheckpoints, path: Path
) -> None:
    await answered.run("greeting of another", GREETING, "another")
    await asyncio.gather(
        answered.checkpoints.restore("run", "thread", fence=7),
        peer.restore("run", "thread", fence=7),
        peer.restore("greeting of another", "another", fence=7),
        answered.checkpoints.restore("greeting of another", "another", fence=7),
    )
    assert not [row for row in answered.rows()["checkpoints"] if row[0] == "another"]
    assert not any(answered.rows(*KEPT_ROWS).values())


async def test_a_run_under_way_beside_it_is_not_touched(answered: Threads) -> None:
    running = asyncio.create_task(answered.run("beside", GREETING, "another"))
    await answered.restore("run")
    await running
    assert sorted((await answered.questions("another")).values()) == ["asked 1?", "nested 1?", "one?"]
