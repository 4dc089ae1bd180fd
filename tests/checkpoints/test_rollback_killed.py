"""Killed with SIGKILL before any statement: a run, and it can be put back; a rollback, and it has not begun."""

from __future__ import annotations

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from perdure.checkpoints.conformance import graphs
from perdure.checkpoints.conformance.graphs import GREETING
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints

from .threads import KEPT_ROWS, Threads, file_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def asked(path: Path) -> Path:
    """A closed file with one thread, which has open questions, and another one."""
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    threads = Threads(checkpoints, path, graphs.small())
    await threads.run("other", GREETING, "other thread")
    await threads.run("greeting", GREETING)
    await threads.checkpoints.settle("greeting")
    await checkpoints.close()
    return path


@pytest.fixture
async def answered(asked: Path) -> Path:
    """A copy of it, with the run `run` on the thread."""
    path = asked.with_name("answered.db")
    shutil.copy(asked, path)
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    threads = Threads(checkpoints, path, graphs.small())
    await threads.run("run", await threads.answers())
    await checkpoints.close()
    return path


@pytest.fixture(scope="module")
async def killing() -> AsyncIterator[Process]:
    """One process for all tests, for the time that its imports take."""
    command = [sys.executable, "-m", "tests.checkpoints.killing"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    yield process
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


Killed = Callable[[Path, str, int], Awaitable[list[Path]]]


@pytest.fixture
def killed(killing: Process) -> Killed:
    """The files that processes have left that were killed before every statement, or every so many."""

    async def killed(path: Path, act: str, stride: int) -> list[Path]:
        assert killing.stdin is not None
        assert killing.stdout is not None
        killing.stdin.write(f"{path}\t{act}\t{stride}\n".encode())
        return [Path(f"{path}.{number}") for number in range(int(await killing.stdout.readline()))]

    return killed


async def put_back(path: Path) -> None:
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    await checkpoints.restore("run", "thread", fence=9)
    await checkpoints.close()


@pytest.mark.parametrize(("act", "stride"), [("answer", 2), ("turn", 3), ("turn, async", 3)])
async def test_a_run_that_is_killed_anywhere_can_be_put_back(
    asked: Path, killed: Killed, act: str, stride: int
) -> None:
    rows = file_rows(asked)
    files = await killed(asked, act, stride)
    changed = [path for path in files if file_rows(path) != rows]
    for path in files:
        await put_back(path)
        assert file_rows(path) == rows, path
        assert not any(file_rows(path, *KEPT_ROWS).values())
    assert len(changed) > len(files) / 2 > 3


async def test_a_rollback_that_is_killed_anywhere_has_not_begun_and_can_be_repeated(
    asked: Path, answered: Path, killed: Killed
) -> None:
    rows, with_run = file_rows(asked), file_rows(answered, "checkpoints", "writes", "perdure_runs", *KEPT_ROWS)
    files = await killed(answered, "restore", 1)
    assert len(files) > 8
    for path in files:
        assert file_rows(path, *with_run) == with_run
        await put_back(path)
        assert file_rows(path) == rows


@pytest.mark.parametrize("act", ["settle", "delete"])
async def test_what_is_killed_anywhere_has_not_begun(answered: Path, killed: Killed, act: str) -> None:
    tables = ("checkpoints", "writes", "perdure_runs", *KEPT_ROWS)
    with_run = file_rows(answered, *tables)
    files = await killed(answered, act, 1)
    assert len(files) > 3
    assert all(file_rows(path, *tables) == with_run for path in files)
