"""A store in Postgres: who waits for whom, what a restart of the server does, and what cannot be used."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import Connection, create_engine, select, text
from support.pgbouncer import pgbouncer
from support.postgres import PostgresServer, started_postgres
from support.servers import free_port, until
from support.stores import store_at

from perdure.contracts.errors import ConfigError, UnavailableError
from perdure.contracts.types import RunStatus
from perdure.store import RunEnding, SqlStore, open_store
from perdure.store.conformance.making import Draft, drafts_in, make_record, make_spec
from perdure.store.database import Database
from perdure.store.event_contract import EventBatch, EventFilter, NewRunEvent
from perdure.store.locks import lock_thread
from perdure.store.postgres import PostgresDialect
from perdure.store.schema import REVISION, metadata, threads
from perdure.store.thread_matching import has_metadata

from .test_migrations import START, Race


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    async with store_at(migrated_url) as store:
        yield store


@pytest.fixture
def draft(store: SqlStore) -> Draft:
    return drafts_in(store)


@pytest.fixture
def other(migrated_url: str) -> Iterator[psycopg.Connection]:
    """Another client of the database, in a transaction."""
    with psycopg.connect(migrated_url) as connection:
        yield connection


FOUND_BY = "ix_threads_metadata"
"""Of an expression that is Postgres' own."""


def is_ours(name: str | None, *_: object) -> bool:
    return name != FOUND_BY


def said(number: int, task: str | None = None) -> NewRunEvent:
    return NewRunEvent(number, "custom_event", "trace", b'"said"', {}, task, datetime.now(UTC))


# Tables.


def test_three_processes_start_at_once_on_an_empty_database(postgres_url: str, race: Race) -> None:
    race(START, *[(postgres_url,)] * 3)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]
        assert len(connection.execute("SELECT id FROM installation").fetchall()) == 1


def test_the_migrations_make_the_tables_of_the_schema(migrated_url: str) -> None:
    engine = create_engine(migrated_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_ours})
        assert compare_metadata(context, metadata) == []
        where = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_runs_open'"
        assert connection.scalar(text(where)).endswith("WHERE (ended_at IS NULL)")
    engine.dispose()


def test_threads_are_found_by_an_index(migrated_url: str) -> None:
    """What the planner prefers depends on what is there, so it is asked what it could do."""
    dialect = PostgresDialect(migrated_url)
    engine = dialect.make_engine(1)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        wanted = select(threads.c.position).where(has_metadata(dialect, ("deep", "team"), "a"))
        compiled = wanted.compile(engine, compile_kwargs={"render_postcompile": True})
        plan = connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.construct_params()).scalars().all()
    engine.dispose()
    assert any(FOUND_BY in step for step in plan), plan


def test_names_are_compared_by_their_bytes_in_every_language(migrated_url: str) -> None:
    """In most languages `:` and others stand between `/` and `0`, or nowhere."""
    collation = "SELECT collation_name FROM information_schema.columns WHERE column_name = 'update_id'"
    with psycopg.connect(migrated_url) as connection:
        assert connection.execute(collation).fetchall() == [("C",)]


# Who waits for whom.


async def test_a_deadlock_is_repeated(migrated_url: str) -> None:
    """Of two transactions that wait for each other Postgres ends one, which then goes on behind the other."""
    database = Database(migrated_url, lock_timeout=20)
    await database.open()
    tries: list[str] = []
    met = asyncio.Barrier(2)
    loop = asyncio.get_running_loop()

    async def both(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            tries.append(first)
            lock_thread(connection, first)
            if len(tries) <= 2:
                asyncio.run_coroutine_threadsafe(met.wait(), loop).result(10)
            lock_thread(connection, second)

        await database.write(work)

    await asyncio.gather(both("a", "b"), both("b", "a"))
    assert len(tries) == 3
    await database.close()


async def test_who_waits_too_long_is_told(
    store: SqlStore, draft: Draft, other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.store.postgres.BEGIN", "BEGIN; SET LOCAL lock_timeout = '50ms'")
    await draft()
    other.execute("SELECT 1 FROM runs WHERE run_id = 'run' FOR UPDATE")
    with pytest.raises(UnavailableError, match="lock timeout"):
        await store.mark_running("run", fence=1, attempt=1)
    assert await store.get("run") is not None, "a reader waits for nobody"
    other.rollback()
    assert (await store.mark_running("run", fence=1, attempt=1)).status is RunStatus.RUNNING


async def test_a_client_that_is_frozen_inside_a_transaction_is_ended(
    store: SqlStore, draft: Draft, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_after = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '300ms'"
    await draft()
    with psycopg.connect(migrated_url, autocommit=True) as frozen:
        frozen.execute(frozen_after)
        frozen.execute("SELECT 1 FROM runs WHERE run_id = 'run' FOR UPDATE")
        async with asyncio.timeout(10):
            assert (await store.mark_running("run", fence=1, attempt=1)).status is RunStatus.RUNNING
        with pytest.raises(psycopg.Error, match="idle-in-transaction"):
            frozen.execute("UPDATE runs SET fence = 99")


async def test_each_transaction_is_ended_when_its_client_is_frozen(migrated_url: str) -> None:
    database = Database(migrated_url, lock_timeout=1)
    await database.open()

    def shown(connection: Connection) -> list[str]:
        names = ("idle_in_transaction_session_timeout", "lock_timeout", "transaction_isolation")
        return [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]

    assert await database.write(shown) == ["10s", "15s", "read committed"]
    assert (await database.read(shown))[:2] == ["0", "0"], "nothing is left in the session"
    await database.close()


async def test_a_page_of_events_is_of_one_moment(store: SqlStore, draft: Draft, other: psycopg.Connection) -> None:
    await draft()
    await store.mark_running("run", fence=1, attempt=1)
    database = store._database  # pyright: ignore[reportPrivateUsage] - a reader in the middle of its work

    def twice(connection: Connection) -> list[int]:
        count = text("SELECT count(*) FROM run_events")
        before = connection.scalar(count)
        other.execute("DELETE FROM run_events")
        other.commit()
        return [before, connection.scalar(count)]

    assert await database.read_at_once(twice) == [1, 1]
    assert await database.read(twice) == [0, 0]


# What Postgres cannot hold, and what cannot be used.


async def test_a_nul_in_a_text_becomes_what_is_no_text(store: SqlStore) -> None:
    record = make_record(title="a\0b", assistant_id="x\0", metadata={"k": "\0"})
    stored, _ = await store.create(record, make_spec())
    assert (stored.record.title, stored.record.metadata) == ("a\ufffdb", {"k": "\0"})
    await store.mark_running("run", fence=1, attempt=1)
    await store.events.write("run", EventBatch([said(1, task="node\0:1")]), fence=1, attempt=1)
    (event,) = await store.events.list(EventFilter(run_id="run", types=("custom_event",)))
    assert event.content == "said"
    assert await store.get("no\0run") is None


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://user:sec@ret@host/db", r"%XX"),
        ("postgresql://user:sec/ret@host/db", r"%XX"),
        ("postgresql://user:secret@host/db?sslmod=require", r"sslmode=require"),
        ("postgresql://user:sec%zzret@host/db", r"%XX"),
        ("postgres://user:sec/ret@host/db", r"did you mean 'postgresql'"),
    ],
)
def test_a_wrong_url_is_named_without_its_password(url: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        open_store(url)
    assert "store.url" in str(caught.value)
    assert not re.search("sec|ret@", str(caught.value))


async def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    url = f"postgresql://user:secret@127.0.0.1:{free_port()}/db"
    store = open_store(url)
    with pytest.raises(UnavailableError, match=r"postgresql://user@127\.0\.0\.1:\d+/db cannot be used now") as caught:
        await store.start()
    assert "secret" not in str(caught.value)


async def test_a_database_that_is_not_there_is_unavailable(postgres: PostgresServer) -> None:
    with pytest.raises(UnavailableError, match="does not exist"):
        await open_store(postgres.url("nowhere")).start()


async def test_a_user_that_may_make_no_tables_is_told_so(postgres: PostgresServer, postgres_url: str) -> None:
    postgres.command(sql.SQL("CREATE ROLE guest LOGIN"))
    with pytest.raises(UnavailableError, match="permission denied for schema public"):
        await open_store(postgres_url.replace("postgres@", "guest@")).start()


async def test_a_database_that_cannot_hold_every_text_is_refused(postgres: PostgresServer) -> None:
    postgres.command(sql.SQL("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"))
    with pytest.raises(ConfigError, match=r"store\.url: the encoding of .*/latin is LATIN1.*ENCODING 'UTF8'"):
        await open_store(postgres.url("latin")).start()
    postgres.drop_database("latin")


# Restarts and poolers.


@pytest.mark.usefixtures("needs_server")
async def test_a_restarted_server_is_used_again_and_nothing_is_lost() -> None:
    with started_postgres() as server:
        async with store_at(server.url()) as store:
            await drafts_in(store)()
            await asyncio.gather(*(store.get("run") for _ in range(8)))  # connections that will be dead
            await store.mark_running("run", fence=1, attempt=1)
            server.stop()
            with pytest.raises(UnavailableError, match="cannot be used now"):
                await store.note_steps("run", 1, fence=1)
            server.start()
            await store.note_steps("run", 2, fence=1)
            found = await asyncio.gather(*(store.get("run") for _ in range(8)))
            assert {stored.record.steps for stored in found if stored} == {2}


async def test_connections_that_died_unnoticed_cost_nothing(
    store: SqlStore, draft: Draft, postgres: PostgresServer, migrated_url: str
) -> None:
    await draft()
    await asyncio.gather(*(store.mark_running("run", fence=1, attempt=1) for _ in range(8)))
    postgres.cut(migrated_url)
    await asyncio.gather(*(store.mark_running("run", fence=1, attempt=1) for _ in range(8)))
    assert await store.get("run") is not None


async def test_a_pgbouncer_may_stand_before_it(postgres: PostgresServer, postgres_url: str) -> None:
    with pgbouncer(postgres, postgres_url, "transaction") as url:
        async with store_at(url) as one, store_at(url) as two:
            for number in range(10):
                await drafts_in((one, two)[number % 2])(f"run-{number}")
            runs = [f"run-{number}" for number in range(10)]
            await asyncio.gather(*(one.mark_running(run, fence=1, attempt=1) for run in runs))
            await asyncio.gather(*(two.finish(run, RunEnding(RunStatus.SUCCESS, 1), fence=1) for run in runs))
            assert len(await one.list("thread")) == 10


async def test_a_pgbouncer_that_pools_statements_is_refused_by_name(
    postgres: PostgresServer, postgres_url: str
) -> None:
    with (
        pgbouncer(postgres, postgres_url, "statement") as url,
        pytest.raises(UnavailableError, match="pool_mode = transaction"),
    ):
        await open_store(url).start()


async def test_what_waits_is_seen_by_who_waited(store: SqlStore, draft: Draft, other: psycopg.Connection) -> None:
    """The lock and the read are two statements: the one that waited reads what was written meanwhile."""
    await draft()
    await store.mark_running("run", fence=1, attempt=1)
    other.execute("SELECT pg_advisory_xact_lock(hashtextextended('thread', 0))")
    writing = asyncio.create_task(store.events.write("run", EventBatch([said(1)]), fence=1, attempt=1))
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    await until(lambda: other.execute(waits).fetchone() == (1,))
    other.execute(
        "INSERT INTO run_events (thread_id, run_id, seq, attempt, fence, void, event_type, category, created_at, "
        "metadata) VALUES ('thread', 'run', 2, 1, 1, false, 'custom_event', 'trace', now(), '{}')"
    )
    other.commit()
    await writing
    assert [event.seq for event in await store.events.list(EventFilter(run_id="run"))] == [1, 2, 3]


# Where these tests find no Postgres.


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_without_a_server_tests_are_skipped_and_fail_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("support.postgres.find_binaries", lambda: None)
    with pytest.raises(outcome, match="there is no Postgres on this machine"), started_postgres():
        pass
