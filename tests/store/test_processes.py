"""Several processes on one file, and what is left when one is killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from perdure.contracts.types import RunRecord, RunStatus
from perdure.store import RunEnding, SqlStore

Program = tuple[BaseProcess, Connection]
Launch = Callable[..., Program]
Race = Callable[..., list[Any]]
Draft = Callable[..., Awaitable[RunRecord]]

# A trigger sees each write in its place between all others, whichever process it comes from.
WATCH = """
CREATE TABLE violations (what TEXT);
CREATE TRIGGER fence AFTER UPDATE ON runs WHEN new.fence < old.fence
BEGIN INSERT INTO violations VALUES ('fence ' || old.fence || ' -> ' || new.fence); END;
CREATE TRIGGER terminal AFTER UPDATE ON runs WHEN old.ended_at IS NOT NULL
BEGIN INSERT INTO violations VALUES ('after the end: ' || new.status); END;
"""

IMPORTS = """
import asyncio, os, signal
from perdure.contracts.errors import FencedError
from perdure.contracts.types import RunStatus
from perdure.store import RunEnding, open_store

def wait_for_go():
    pipe.send("ready")
    pipe.recv()

"""

RACE_FOR_FENCES = (
    IMPORTS
    + """async def main(url, first):
    store = open_store(url)
    await store.start()
    wait_for_go()
    written, refused = [], []
    for fence in range(int(first), 400, 2):
        try:
            await store.mark_running("run", fence=fence, attempt=fence)
            written.append(fence)
        except FencedError as error:
            assert error.current > fence
            refused.append(fence)
    await store.close()
    pipe.send((written, refused))

asyncio.run(main(*arguments))
"""
)

RACE_TO_THE_END = (
    IMPORTS
    + """async def main(url, status):
    store = open_store(url)
    await store.start()
    wait_for_go()
    seen = {}
    for n in range(100):
        ending = RunEnding(RunStatus(status), steps=1, values=b'"%s"' % status.encode())
        seen[n] = str((await store.finish(f"run-{n}", ending, fence=1)).status)
        await store.mark_running(f"run-{n}", fence=2, attempt=9)
    await store.close()
    pipe.send(seen)

asyncio.run(main(*arguments))
"""
)

DIE_IN_A_WRITE = (
    IMPORTS
    + """
from sqlalchemy import Engine, event
url, write, moment = arguments

def die(connection, cursor, statement, *_):
    if moment in statement:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = open_store(url)
    await store.start()
    old = (await store.get("old")).record
    spec = await store.get_spec("old")
    event.listen(Engine, "after_cursor_execute", die)
    if write == "create":
        await store.create(old.model_copy(update={"run_id": "new"}), spec)
    else:
        await store.finish("old", RunEnding(RunStatus.SUCCESS, steps=9, values=b"9"), fence=9)

asyncio.run(main())
"""
)

WRITE_FOR_EVER = (
    IMPORTS
    + """async def main(url):
    store = open_store(url)
    await store.start()
    old = (await store.get("old")).record
    spec = await store.get_spec("old")
    for n in range(1_000_000):
        await store.create(old.model_copy(update={"run_id": f"run-{n}"}), spec)
        await store.finish(f"run-{n}", RunEnding(RunStatus.SUCCESS, steps=n, values=b"%d" % n), fence=1)
        pipe.send(n)

asyncio.run(main(*arguments))
"""
)


def sql(path: Path, script: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    rows = connection.executescript(script) if script == WATCH else connection.execute(script)
    result = rows.fetchall()
    connection.close()
    return result


async def test_two_processes_race_on_fences(store: SqlStore, draft: Draft, url: str, path: Path, race: Race) -> None:
    await draft()
    sql(path, WATCH)
    outputs = race(RACE_FOR_FENCES, (url, "1"), (url, "2"))
    written, refused = zip(*outputs, strict=True)
    assert sql(path, "SELECT what FROM violations") == []
    assert sql(path, "SELECT fence, attempt FROM runs") == [(399, 399)]
    assert sorted(fence for fences in (*written, *refused) for fence in fences) == list(range(1, 400))
    assert refused != ([], []), "the processes never met"


async def test_two_processes_race_to_the_end(store: SqlStore, draft: Draft, url: str, path: Path, race: Race) -> None:
    for n in range(100):
        await draft(f"run-{n}")
    sql(path, WATCH)
    outputs = race(RACE_TO_THE_END, (url, "success"), (url, "interrupted"))
    first, second = outputs
    assert first == second
    assert sql(path, "SELECT what FROM violations") == []
    for n in range(100):
        result = await store.get_result(f"run-{n}")
        assert (result.status, result.values) == (first[n], first[n])


async def test_a_process_killed_in_the_middle_of_a_write(
    store: SqlStore, draft: Draft, url: str, path: Path, launch: Launch
) -> None:
    await draft("old")
    before = await store.get("old"), await store.get_result("old")
    moments = [
        ("create", "INSERT INTO runs"),
        ("create", "INSERT INTO run_specs"),
        ("finish", "INSERT INTO run_values"),
    ]
    killed = [launch(DIE_IN_A_WRITE, url, *moment)[0] for moment in moments]
    for process in killed:
        process.join()
    assert [process.exitcode for process in killed] == [-9] * 3
    assert await store.get("new") is None
    assert (await store.get("old"), await store.get_result("old")) == before
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    ended = await store.finish("old", RunEnding(RunStatus.ERROR, steps=1), fence=1)
    assert ended.status == RunStatus.ERROR


async def test_what_was_acknowledged_survives_a_kill(
    store: SqlStore, draft: Draft, url: str, path: Path, launch: Launch
) -> None:
    await draft("old")
    process, pipe = launch(WRITE_FOR_EVER, url)
    last = -1
    with suppress(EOFError):
        while True:
            last = pipe.recv()
            if last == 50:
                process.kill()
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    for n in range(last + 1):
        result = await store.get_result(f"run-{n}")
        assert (result.status, result.values) == (RunStatus.SUCCESS, n)
    assert sql(path, "SELECT count(*) FROM runs WHERE run_id NOT IN (SELECT run_id FROM run_specs)") == [(0,)]
