"""Whatever ends a write, nobody waits for ever: neither its caller nor those who wait behind it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from perdure.blocking import SqliteWriter


class Odd(BaseException):
    """What no `except Exception` catches."""


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[SqliteWriter]:
    writer = SqliteWriter(tmp_path / "kept.db", connect, keeper="tests")
    yield writer
    await writer.close()


def gives(value: str) -> Callable[[sqlite3.Connection], str]:
    return lambda _: value


def raises(_: sqlite3.Connection) -> str:
    raise Odd


@pytest.mark.parametrize("beside", [0, 3])
async def test_one_that_raises_what_is_no_exception_is_its_callers(writer: SqliteWriter, beside: int) -> None:
    go_on = threading.Event()
    held = asyncio.create_task(writer.run(lambda _: go_on.wait(10)))
    await asyncio.sleep(0)
    others = [writer.run(gives(str(number))) for number in range(beside)]
    waiting = asyncio.gather(*others, writer.run(raises), writer.run(gives("behind")), return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(10):
        *before, odd, behind = await waiting
        assert await held
    assert before == [str(number) for number in range(beside)]
    assert isinstance(odd, Odd)
    assert behind == "behind"
    assert await writer.run(gives("later")) == "later"
