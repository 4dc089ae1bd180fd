"""What comes close together goes to the page as one part, in its order, and nothing is held back for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from perdure.gateway.page.gathering import LONG, gathered

SOON = 0.05
LATE = 60.0
"""Seconds that no test waits for."""


class Source:
    """Parts of a stream, given by the test."""

    def __init__(self) -> None:
        self.parts = asyncio.Queue[bytes | Exception]()
        self.closed = False

    async def read(self) -> AsyncGenerator[bytes]:
        try:
            while part := await self.parts.get():
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            self.closed = True

    def give(self, *parts: bytes | Exception) -> None:
        for part in parts:
            self.parts.put_nowait(part)


@pytest.fixture
def source() -> Source:
    return Source()


async def test_the_first_comes_at_once(source: Source) -> None:
    parts = gathered(source.read(), LATE)
    source.give(b"1")
    assert await anext(parts) == b"1"
    await parts.aclose()


async def test_what_comes_within_the_rest_is_one_part(source: Source) -> None:
    parts = gathered(source.read(), SOON)
    source.give(b"1")
    assert await anext(parts) == b"1"
    source.give(b"2", b"3", b"4")
    assert await anext(parts) == b"234"
    await parts.aclose()


async def test_who_has_waited_longer_than_the_rest_waits_no_more(source: Source) -> None:
    parts = gathered(source.read(), SOON)
    source.give(b"1")
    assert await anext(parts) == b"1"
    coming = asyncio.create_task(anext(parts))
    await asyncio.sleep(2 * SOON)
    source.give(b"2")
    await asyncio.sleep(0)
    assert await coming == b"2"
    await parts.aclose()


async def test_the_end_is_told_without_a_rest_and_with_what_came_before(source: Source) -> None:
    source.give(b"1", b"2", b"3", b"")
    assert b"".join([part async for part in gathered(source.read(), LATE)]) == b"123"
    assert source.closed


async def test_what_is_long_is_not_held_back(source: Source) -> None:
    source.give(*[b"x" * (LONG // 2)] * 9, b"")
    sizes = [len(part) async for part in gathered(source.read(), LATE)]
    assert sum(sizes) == 9 * (LONG // 2)
    assert max(sizes) <= 2 * LONG


async def test_an_error_is_the_readers(source: Source) -> None:
    source.give(b"1", OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        assert [part async for part in gathered(source.read(), LATE)] == []
    assert source.closed


@pytest.mark.parametrize("had", [0, 1])
async def test_who_leaves_while_nothing_comes_leaves_nothing_open(source: Source, had: int) -> None:
    parts = gathered(source.read(), LATE)
    source.give(*[b"1"] * had)
    for _ in range(had):
        await anext(parts)
    coming = asyncio.create_task(anext(parts))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    coming.cancel()
    await asyncio.wait({coming})
    await parts.aclose()
    assert coming.cancelled()
    assert source.closed
