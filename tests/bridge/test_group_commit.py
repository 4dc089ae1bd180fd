"""Writes that wait together share a transaction, and nothing else: neither an error nor a cancellation.

The first of them waits for nobody and is done at once; the others wait for the next turn.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from perdure.bridge import SqliteBridge
from perdure.bridge.conformance.probe import event, stored
from perdure.bridge.sqlite.file import connect_writer
from perdure.contracts.errors import FencedError, RunNotFoundError, UnavailableError

pytestmark = pytest.mark.usefixtures("never_slow")
MANY = 50


@pytest.fixture
async def statements(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the writer says to SQLite."""
    said: list[str] = []

    def traced(path: Path) -> sqlite3.Connection:
        connection = connect_writer(path)
        connection.set_trace_callback(said.append)
        return connection

    monkeypatch.setattr("perdure.bridge.sqlite.bridge.connect_writer", traced)
    return said


@pytest.fixture
async def bridge(path: Path, statements: list[str]) -> AsyncIterator[SqliteBridge]:
    bridge = SqliteBridge(path)
    await bridge.start()
    yield bridge
    await bridge.close()


async def test_writes_that_wait_together_are_one_transaction(bridge: SqliteBridge, statements: list[str]) -> None:
    names = [f"run-{number}" for number in range(MANY)]
    await asyncio.gather(*map(bridge.create, names))
    statements.clear()
    ids = await asyncio.gather(*(bridge.publish(name, [event(name)], fence=1) for name in names))
    assert ids == [1] * MANY
    assert statements.count("COMMIT") == 2
    assert [await stored(bridge, name) for name in names] == [[(1, name)] for name in names]


async def test_publishes_that_wait_together_cost_no_more_statements_than_one(
    bridge: SqliteBridge, statements: list[str]
) -> None:
    names = [f"run-{number}" for number in range(MANY)]
    await asyncio.gather(*map(bridge.create, names))
    statements.clear()
    await bridge.publish(names[0], [event(0, key="k")], fence=1)
    alone = _work(statements)
    statements.clear()
    await asyncio.gather(*(bridge.publish(name, [event(1, key="n")], fence=1) for name in names))
    assert _work(statements) == 2 * alone


def _work(statements: list[str]) -> int:
    """Without what the connection is told when it goes from one thread to the other."""
    return sum(not statement.startswith("PRAGMA") for statement in statements)


async def test_of_publishes_that_wait_together_each_key_comes_once(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    await bridge.create("other")
    await bridge.publish("run", [event("before", key="a")], fence=1)
    ids = await asyncio.gather(
        bridge.publish("run", [event("again", key="a"), event(1, key="b")], fence=1),
        bridge.publish("other", [event(2, key="b")], fence=1),
        bridge.publish("run", [event("again", key="b"), event(3)], fence=1),
        bridge.publish("other", [event(4, key="a")], fence=1),
    )
    assert ids == [2, 1, 3, 2]
    assert await stored(bridge, "run") == [(1, "before"), (2, 1), (3, 3)]
    assert await stored(bridge, "other") == [(1, 2), (2, 4)]


async def test_a_publish_costs_the_same_on_a_long_stream(
    bridge: SqliteBridge, statements: list[str], path: Path
) -> None:
    """Each statement finds its rows by an index: none goes through what the stream has already."""
    await bridge.create("run")
    statements.clear()
    await bridge.publish("run", [event(1, key="k")], fence=1)
    with closing(sqlite3.connect(path)) as other:
        for statement in statements:
            if statement.startswith(("SELECT", "UPDATE", "INSERT")):
                plan = [row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {statement}")]
                searches = [step for step in plan if "keys" in step or "streams" in step]
                assert all("=?)" in step and "(stream=?)" not in step for step in searches), (statement, plan)
    assert len(statements) > 3


async def test_a_write_that_waits_for_nobody_has_its_own(bridge: SqliteBridge, statements: list[str]) -> None:
    await bridge.create("run")
    statements.clear()
    for number in range(3):
        await bridge.publish("run", [event(number)], fence=1)
    assert statements.count("COMMIT") == 3


async def test_they_happen_in_the_order_of_their_calls(bridge: SqliteBridge) -> None:
    publishes = [bridge.publish("run", [event(number)], fence=1) for number in range(MANY)]
    await asyncio.gather(bridge.create("run"), *publishes)
    assert await stored(bridge, "run") == [(number + 1, number) for number in range(MANY)]


async def test_one_that_is_refused_takes_nothing_from_the_others(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    await bridge.create("other")
    results = await asyncio.gather(
        bridge.publish("run", [event("a")], fence=2),
        bridge.publish("run", [event("old")], fence=1),
        bridge.publish("nowhere", [event("lost")], fence=1),
        bridge.publish("other", [event("b")], fence=1),
        bridge.publish("run", [event("c")], fence=2),
        return_exceptions=True,
    )
    assert [result if isinstance(result, int) else type(result) for result in results] == [
        1,
        FencedError,
        RunNotFoundError,
        1,
        2,
    ]
    assert await stored(bridge, "run") == [(1, "a"), (2, "c")]
    assert await stored(bridge, "other") == [(1, "b")]


async def test_one_that_the_disk_has_no_room_for_takes_nothing_from_the_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(path: Path) -> sqlite3.Connection:
        connection = connect_writer(path)
        connection.execute("PRAGMA max_page_count=40")
        return connection

    monkeypatch.setattr("perdure.bridge.sqlite.bridge.connect_writer", limited)
    bridge = SqliteBridge(path)
    await bridge.start()
    await bridge.create("run")
    results = await asyncio.gather(
        bridge.publish("run", [event("a")], fence=1),
        bridge.publish("run", [event("x" * 10**6)], fence=1),
        bridge.publish("run", [event("b")], fence=1),
        return_exceptions=True,
    )
    assert (results[0], type(results[1]), results[2]) == (1, UnavailableError, 2)
    assert await stored(bridge, "run") == [(1, "a"), (2, "b")]
    await bridge.close()


async def test_one_that_is_cancelled_before_its_turn_does_not_happen(bridge: SqliteBridge) -> None:
    await bridge.create("run")
    first, second, third = (asyncio.create_task(bridge.publish("run", [event(n)], fence=1)) for n in range(3))
    await asyncio.sleep(0)  # all have called, and none has begun
    second.cancel()
    assert await asyncio.gather(first, third) == [1, 2]
    assert await stored(bridge, "run") == [(1, 0), (2, 2)]


async def test_what_waits_when_the_bridge_is_closed_is_written(path: Path) -> None:
    bridge = SqliteBridge(path)
    await bridge.start()
    await bridge.create("run")
    writes = [asyncio.create_task(bridge.publish("run", [event(n)], fence=1)) for n in range(MANY)]
    await asyncio.sleep(0)
    await bridge.close()
    assert sorted(await asyncio.gather(*writes)) == [*range(1, MANY + 1)]
    with pytest.raises(UnavailableError):
        await bridge.publish("run", [event("late")], fence=1)
    await bridge.start()
    assert await bridge.last_event_id("run") == MANY
    await bridge.close()


async def test_nobody_waits_for_ever_when_all_tasks_are_cancelled(bridge: SqliteBridge, path: Path) -> None:
    """As `asyncio.run` does at its end, while somebody is shielded from it."""
    await bridge.create("run")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = asyncio.all_tasks()
        writes = [asyncio.ensure_future(bridge.publish("run", [event(n)], fence=1)) for n in range(3)]
        await asyncio.sleep(0)
        late = asyncio.ensure_future(bridge.publish("run", [event(3)], fence=1))
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - before - {*writes, late}:
            task.cancel()
        async with asyncio.timeout(10):
            results = await asyncio.gather(*writes, late, return_exceptions=True)
        other.execute("ROLLBACK")
    assert {type(result) for result in results} == {asyncio.CancelledError}
    await bridge.publish("run", [event("after")], fence=1)
    assert (await stored(bridge, "run"))[-1][1] == "after"
