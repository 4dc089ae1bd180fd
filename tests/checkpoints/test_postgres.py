"""Checkpoints in Postgres: many starts at once, a client that is frozen, a restart, few connections for many runs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

import psycopg
import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.shallow import AsyncShallowPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg import sql
from support.pgbouncer import pgbouncer
from support.postgres import PostgresServer, started_postgres
from support.servers import free_port, until

from perdure.checkpoints import open_checkpoints
from perdure.checkpoints.conformance import graphs
from perdure.checkpoints.conformance.making import AT, Hooks, save
from perdure.checkpoints.contract import Checkpoints, Guard, RunNote
from perdure.checkpoints.memory import MemoryCheckpoints
from perdure.checkpoints.postgres import PostgresCheckpoints
from perdure.checkpoints.saver import FencedSaver
from perdure.contracts.errors import ConfigError, FencedError, UnavailableError

from .threads import Threads

WRITES = [("log", ["word"])]


class State(TypedDict, total=False):
    count: int
    text: str
    number: float
    kept: list[str]


class Told(TypedDict, total=False):
    told: Annotated[list[str], DeltaChannel(graphs.appended, snapshot_frequency=3)]
    count: int


def counting(steps: int) -> Any:
    builder = StateGraph(State)

    async def step(state: State) -> State:
        return {"count": state.get("count", 0) + 1, "kept": ["x" * 100]}

    builder.add_node("step", step)
    builder.add_edge(START, "step")

    def goes_on(state: State) -> str:
        return "step" if state.get("count", 0) < steps else END

    builder.add_conditional_edges("step", goes_on)
    return builder.compile()


def rows(url: str, query: str = "SELECT task_id FROM checkpoint_writes ORDER BY 1") -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


async def fenced(checkpoints: Checkpoints, run_id: str = "run", fence: int = 1) -> FencedSaver:
    await checkpoints.take(run_id, "thread", fence=fence)
    return FencedSaver(checkpoints, run_id, fence=fence, hooks=Hooks())


@pytest.fixture
async def peer(in_postgres: PostgresCheckpoints, url: str) -> AsyncIterator[PostgresCheckpoints]:
    """Of another process, as it were."""
    checkpoints = PostgresCheckpoints(url)
    await checkpoints.start()
    yield checkpoints
    await checkpoints.close()


# Tables.


async def test_many_start_at_once_on_an_empty_database(postgres_url: str) -> None:
    opened = [PostgresCheckpoints(postgres_url) for _ in range(6)]
    async with asyncio.timeout(30):
        await asyncio.gather(*(checkpoints.start() for checkpoints in opened))
    assert rows(postgres_url, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
    for number, checkpoints in enumerate(opened):
        await (await fenced(checkpoints, f"run {number}")).aput_writes(AT, WRITES, "task")
        await checkpoints.close()


async def test_an_index_that_was_half_made_is_made_anew(postgres_url: str) -> None:
    checkpoints = PostgresCheckpoints(postgres_url)
    await checkpoints.start()
    await checkpoints.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'checkpoint_writes_thread_id_idx'::regclass"
        )
        connection.execute("DELETE FROM checkpoint_migrations WHERE v >= 8")
    await checkpoints.start()
    await checkpoints.close()
    assert rows(postgres_url, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]


async def test_tables_of_a_newer_version_are_refused(postgres_url: str) -> None:
    checkpoints = PostgresCheckpoints(postgres_url)
    await checkpoints.start()
    await checkpoints.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO perdure_migrations (v) VALUES (99)")
    with pytest.raises(ConfigError, match="newer version of Perdure"):
        await checkpoints.start()


async def test_another_isolation_level_is_refused(postgres: PostgresServer, postgres_url: str) -> None:
    """There a fence would be read as it was before it was waited for."""
    name = sql.Identifier(postgres_url.rpartition("/")[2])
    level = sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'")
    postgres.command(level.format(name))
    with pytest.raises(ConfigError, match=r"checkpointer\.url: .*default_transaction_isolation"):
        await PostgresCheckpoints(postgres_url).start()


# Fences.


def check_and_freeze(connection: psycopg.Connection, fence: int) -> None:
    """As a process that was stopped while it sent a save: the fence is checked, and the rest never comes."""
    connection.pgconn.enter_pipeline_mode()
    connection.pgconn.send_query_params(b"SELECT perdure_check('run', $1::text::bigint)", [str(fence).encode()])
    connection.pgconn.send_flush_request()
    connection.pgconn.flush()


async def test_a_client_that_is_frozen_inside_its_save_holds_nobody_up(
    in_postgres: PostgresCheckpoints, url: str
) -> None:
    await in_postgres.take("run", "thread", fence=1)
    with closing(psycopg.connect(url, autocommit=True)) as frozen:
        check_and_freeze(frozen, 1)
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        await until(lambda: rows(url, held) == [(1,)])
        began = time.monotonic()
        await in_postgres.take("run", "thread", fence=2)
        assert 1 < time.monotonic() - began < 10
        ended = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {frozen.info.backend_pid}"
        await until(lambda: rows(url, ended) == [(0,)])


async def test_a_save_that_is_under_way_is_waited_for(in_postgres: PostgresCheckpoints, url: str) -> None:
    await in_postgres.take("run", "thread", fence=1)
    with psycopg.connect(url) as slow:  # in a transaction that goes on
        slow.execute("SELECT perdure_check('run', 1)")
        taking = asyncio.create_task(in_postgres.take("run", "thread", fence=2))
        for _ in range(5):
            await asyncio.to_thread(slow.execute, "SELECT pg_sleep(0.05)")
        assert not taking.done()
        slow.execute("INSERT INTO checkpoint_migrations VALUES (78)")
        slow.commit()
        await taking
    assert rows(url, "DELETE FROM checkpoint_migrations WHERE v = 78 RETURNING v") == [(78,)]


async def test_who_waits_for_a_new_fence_reads_that_one(in_postgres: PostgresCheckpoints, url: str) -> None:
    """The lock and the fence are read by two statements."""
    saver = await fenced(in_postgres)
    with psycopg.connect(url) as taker:
        taker.execute("SELECT perdure_take('run', 'thread', 2)")
        saving = asyncio.create_task(saver.aput_writes(AT, WRITES, "late"))
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await until(lambda: rows(url, waits) == [(1,)])
        taker.commit()
        with pytest.raises(FencedError) as refused:
            await saving
    assert (refused.value.fence, refused.value.current) == (1, 2)
    assert rows(url) == []


async def test_a_refused_save_says_nothing_on_stderr(
    in_postgres: PostgresCheckpoints, caplog: pytest.LogCaptureFixture
) -> None:
    saver = await fenced(in_postgres)
    await in_postgres.take("run", "thread", fence=2)
    for number in range(5):
        with pytest.raises(FencedError):
            await saver.aput_writes(AT, WRITES * 20, f"task {number}")
    assert caplog.records == []


async def test_a_second_process_sees_fence_and_note(
    in_postgres: PostgresCheckpoints, peer: PostgresCheckpoints
) -> None:
    await in_postgres.take("run", "thread", fence=5)
    await in_postgres.note("run", RunNote(step=3))
    with pytest.raises(FencedError):
        await save(peer, Guard("run", fence=4))
    assert await peer.note("run") == RunNote(step=3)


async def test_of_many_that_race_for_a_fence_the_largest_wins(
    in_postgres: PostgresCheckpoints, peer: PostgresCheckpoints
) -> None:
    takes = ((in_postgres, peer)[fence % 2].take("run", "thread", fence=fence) for fence in range(20))
    results = await asyncio.gather(*takes, return_exceptions=True)
    assert all(result is None or isinstance(result, FencedError) for result in results)
    await peer.check("run", fence=19)
    with pytest.raises(FencedError):
        await in_postgres.check("run", fence=18)


async def test_two_processes_may_put_back_at_the_same_time(
    in_postgres: PostgresCheckpoints, peer: PostgresCheckpoints
) -> None:
    threads = Threads(in_postgres, Path(), graphs.asking())
    before = threads.rows()
    await threads.run("run", graphs.GREETING)
    await asyncio.gather(*(one.restore("run", "thread", fence=7) for one in (in_postgres, peer) * 3))
    assert threads.rows() == before


CHILD = """
import asyncio, sys
from perdure.checkpoints.postgres import PostgresCheckpoints
from perdure.checkpoints.saver import FencedSaver
from perdure.checkpoints.conformance.making import AT, Hooks
async def main(url):
    checkpoints = PostgresCheckpoints(url)
    await checkpoints.start()
    await checkpoints.take("run", "thread", fence=1)
    saver = FencedSaver(checkpoints, "run", fence=1, hooks=Hooks())
    print("ready", flush=True)
    number = 0
    while True:
        try:
            writes = [("log", ["x" * 1000])] * 9
            await asyncio.gather(*(saver.aput_writes(AT, writes, f"{number}-{n}") for n in range(8)))
        except Exception as exc:
            print(type(exc).__name__, flush=True)
            return await checkpoints.close()
        number += 1
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def worker(url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that saves as the run `run`, with the fence 1."""
    process = subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


async def test_a_frozen_process_is_taken_over_and_saves_nothing_more(
    in_postgres: PostgresCheckpoints, url: str, worker: subprocess.Popen[str]
) -> None:
    assert worker.stdout is not None
    assert await asyncio.to_thread(worker.stdout.readline) == "ready\n"
    await until(lambda: len(rows(url)) > 100)
    os.kill(worker.pid, signal.SIGSTOP)
    async with asyncio.timeout(10):
        await in_postgres.take("run", "thread", fence=2)
    taken = rows(url)
    os.kill(worker.pid, signal.SIGCONT)
    assert (await asyncio.to_thread(worker.communicate, None, 20))[0] == "FencedError\n"
    assert rows(url) == taken


# Values, connections, outages.


@pytest.mark.parametrize(
    "value",
    [{"text": "a\0b"}, {"text": "\0"}, {"number": float("inf")}, {"number": float("-inf")}, {"text": "\\u0000"}],
)
async def test_what_json_in_postgres_cannot_hold_comes_back(
    in_postgres: PostgresCheckpoints, value: dict[str, Any]
) -> None:
    graph = counting(1).copy({"checkpointer": await fenced(in_postgres)})
    config: Any = {"configurable": {"thread_id": "thread", "odd": float("nan"), "nul": "\0"}}
    await graph.ainvoke(value, config)
    expected = {**value, "count": 1, "kept": ["x" * 100]}
    assert (await graph.aget_state(config)).values == expected
    assert (await graph.ainvoke({"count": 5}, config))["count"] == 6
    assert (await graph.aget_state(config)).values == {**expected, "count": 6}


async def test_snapshots_of_a_delta_channel_are_saved_and_put_back(in_postgres: PostgresCheckpoints) -> None:
    async def step(state: Told) -> Told:
        return {"told": [f"word {state.get('count', 0)}"], "count": state.get("count", 0) + 1}

    def goes_on(state: Told) -> str:
        return "step" if state.get("count", 0) % 8 else END

    builder = StateGraph(Told)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", goes_on)
    threads = Threads(in_postgres, Path(), builder.compile())
    await threads.run("greeting", {"told": ["in"], "count": 0})
    before, seen = threads.rows(), await threads.seen()
    assert (await threads.run("run", {"told": ["again"], "count": 8}))["told"][-1] == "word 15"
    await threads.restore("run")
    assert (threads.rows(), await threads.seen()) == (before, seen)


async def test_a_call_after_the_end_is_told_so_at_once(in_postgres: PostgresCheckpoints) -> None:
    saver = in_postgres.saver
    await in_postgres.close()
    async with asyncio.timeout(2):
        with pytest.raises(UnavailableError, match="closed"):
            await saver.aget_tuple(AT)


async def test_many_runs_share_few_connections(in_postgres: PostgresCheckpoints, url: str) -> None:
    async def run(number: int) -> int:
        await in_postgres.take(f"run {number}", f"thread {number}", fence=1)
        saver = FencedSaver(in_postgres, f"run {number}", fence=1, hooks=Hooks())
        graph = counting(2).copy({"checkpointer": saver})
        config = {"configurable": {"thread_id": f"thread {number}"}}
        return (await graph.ainvoke({"count": 0}, config, durability="sync"))["count"]

    assert await asyncio.gather(*(run(number) for number in range(200))) == [2] * 200
    used = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'perdure'"
    assert rows(url, used)[0][0] <= 10


async def test_who_reads_a_history_slowly_keeps_no_connection(in_postgres: PostgresCheckpoints) -> None:
    graph = counting(3).copy({"checkpointer": await fenced(in_postgres)})
    config: Any = {"configurable": {"thread_id": "thread"}}
    await graph.ainvoke({"count": 0}, config, durability="sync")
    reading = [in_postgres.saver.alist(config) for _ in range(15)]
    async with asyncio.timeout(10):
        assert all([await anext(one) for one in reading])
        assert await in_postgres.saver.aget_tuple(config) is not None


@pytest.mark.usefixtures("needs_server")
async def test_a_restart_of_the_server_is_waited_for() -> None:
    with started_postgres() as server:
        checkpoints = PostgresCheckpoints(server.url())
        await checkpoints.start()
        saver = await fenced(checkpoints)
        await asyncio.gather(*(saver.aput_writes(AT, WRITES, f"before {n}") for n in range(20)))
        server.stop(signal.SIGQUIT)
        saving = asyncio.create_task(saver.aput_writes(AT, WRITES, "meanwhile"))
        reading = asyncio.create_task(saver.aget_tuple(AT))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(server.start)
        await asyncio.gather(saving, reading)
        assert saver.failure is None
        assert len(rows(server.url())) == 21
        await checkpoints.close()


@pytest.mark.usefixtures("needs_server")
async def test_a_server_that_stays_away_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.blocking.postgres_calls._QUEUE", 0.3)
    monkeypatch.setattr("perdure.blocking.postgres_calls._PATIENCE", 0.1)
    with started_postgres() as server:
        checkpoints = PostgresCheckpoints(server.url().replace("postgres@", "postgres:secret@"))
        await checkpoints.start()
        saver = await fenced(checkpoints)
        server.stop()
        for call in (
            saver.aput_writes(AT, WRITES, "task"),
            saver.aget_tuple(AT),
            checkpoints.take("run", "thread", fence=2),
            checkpoints.note("run", RunNote()),
            checkpoints.restore("run", "thread", fence=2),
            checkpoints.settle("run"),
            checkpoints.delete_thread("thread"),
        ):
            with pytest.raises(UnavailableError, match="the checkpoints in postgresql://postgres@127") as caught:
                await call
            assert "secret" not in str(caught.value)
        assert isinstance(saver.failure, UnavailableError)
        await checkpoints.close()


async def test_a_pgbouncer_may_stand_before_it(postgres: PostgresServer, postgres_url: str) -> None:
    with pgbouncer(postgres, postgres_url, "transaction") as url:
        opened = [PostgresCheckpoints(url) for _ in range(3)]
        await asyncio.gather(*(checkpoints.start() for checkpoints in opened))
        one, two, _ = opened
        threads = Threads(one, Path(), graphs.asking())
        before = threads.rows()
        await threads.run("run", graphs.GREETING)
        await threads.run("answers", await threads.answers())
        for run_id in ("answers", "run"):
            await two.restore(run_id, "thread", fence=9)
        with pytest.raises(FencedError):
            await one.check("run", fence=1)
        assert threads.rows() == before
        for checkpoints in opened:
            await checkpoints.close()


# What cannot be used.


async def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    url = f"postgresql://user:secret@127.0.0.1:{free_port()}/db"
    with pytest.raises(UnavailableError, match="cannot be used now") as caught:
        await open_checkpoints(url).start()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["postgresql://user:sec@ret@host/db", "postgres://user:secret@host/db"])
def test_a_wrong_url_names_the_setting_without_the_password(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"checkpointer\.url") as caught:
        open_checkpoints(wrong)
    assert "sec" not in str(caught.value).replace("user:password", "")


@pytest.mark.filterwarnings("ignore:AsyncShallowPostgresSaver is deprecated")
async def test_a_saver_that_keeps_only_the_newest_checkpoint_is_refused(url: str) -> None:
    class Shallow(MemoryCheckpoints):
        @property
        def saver(self) -> Any:
            return shallow

    async with AsyncShallowPostgresSaver.from_conn_string(url) as shallow:
        assert isinstance(shallow, BaseCheckpointSaver)
        with pytest.raises(ConfigError, match="AsyncShallowPostgresSaver keeps only the newest checkpoint"):
            FencedSaver(Shallow(), "run", fence=1, hooks=Hooks())


async def test_before_start_there_is_no_saver(url: str) -> None:
    checkpoints = PostgresCheckpoints(url)
    with pytest.raises(RuntimeError, match="have not been started"):
        _ = checkpoints.saver
    with pytest.raises(RuntimeError, match="have not been started"):
        await checkpoints.take("run", "thread", fence=1)
