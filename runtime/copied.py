"""What two places hold, row by row: made equal, and compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..blocking.table_shelf import Content, Key, Shelf
from ..contracts.types import Frozen

Tell = Callable[[str, int], None]
"""Is told of a table, and how many of its rows were looked at so far."""


class Compared(Frozen):
    """A table in both places."""

    name: str
    source: int
    """Rows there."""
    target: int
    missing: int
    """Rows of the source that the target does not have."""
    different: int
    """Rows that both have, with other contents."""

    @property
    def equal(self) -> bool:
        """Whether both hold the same, and no more."""
        return self.source == self.target and not self.missing and not self.different


async def make_equal(source: Shelf, target: Shelf, tell: Tell) -> int:
    """Write what the target does not have, and remove what the source does not; how many rows were written.

    It may be cut off anywhere. What is there already is read and compared, and not written again.
    """
    await _remove_others(source, target)
    after: Key | None = None
    seen = written = 0
    while rows := await asyncio.to_thread(source.page, after):
        there = await asyncio.to_thread(target.get, [*rows])
        wanted = {key: content for key, content in rows.items() if there.get(key) != content}
        if wanted:
            await asyncio.to_thread(target.put, wanted)
        after = [*rows][-1]
        seen, written = seen + len(rows), written + len(wanted)
        tell(source.name, seen)
    return written


async def _remove_others(source: Shelf, target: Shelf) -> None:
    after: Key | None = None
    while rows := await asyncio.to_thread(target.page, after):
        kept = await asyncio.to_thread(source.get, [*rows])
        if others := [key for key in rows if key not in kept]:
            await asyncio.to_thread(target.remove, others)
        after = [*rows][-1]


async def compare(source: Shelf, target: Shelf) -> Compared:
    """Both are read from end to end."""
    after: Key | None = None
    seen = missing = different = 0
    while rows := await asyncio.to_thread(source.page, after):
        there = await asyncio.to_thread(target.get, [*rows])
        seen += len(rows)
        missing += sum(key not in there for key in rows)
        different += sum(_differs(there[key], content) for key, content in rows.items() if key in there)
        after = [*rows][-1]
    held = await _count(target)
    return Compared(name=source.name, source=seen, target=held, missing=missing, different=different)


def _differs(one: Content, other: Content) -> bool:
    return one != other


async def _count(shelf: Shelf) -> int:
    after: Key | None = None
    count = 0
    while rows := await asyncio.to_thread(shelf.page, after):
        count, after = count + len(rows), [*rows][-1]
    return count
