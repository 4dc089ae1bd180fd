"""Runs that have ended, as they are sent: who comes while others do (after a restart, say) shares what they read."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from .entries import Entry

_ONE, _ALL = 2**20, 2**24
"""Bytes of a run that is kept, and of all that are."""
_LARGE = 1_000
"""Runs that are remembered as too large."""

Key = tuple[str, int]
"""A run, and how many events there are before it."""
Read = Callable[[], AsyncGenerator[Entry | None]]


class Shelf:
    """Of one gateway."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Sequence[Entry]] = OrderedDict()
        self._bytes = 0
        self._large: OrderedDict[Key, None] = OrderedDict()
        self._coming: dict[Key, asyncio.Task[Sequence[Entry] | None]] = {}

    async def entries(self, key: Key, read: Read) -> Sequence[Entry] | None:
        """All of a run; `None`: it is too large, so each reads it for itself. Raises what `read` does."""
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept
        if key in self._large:
            return None
        if (coming := self._coming.get(key)) is None:
            coming = self._coming[key] = asyncio.create_task(self._fetch(key, read))
        return await asyncio.shield(coming)

    async def _fetch(self, key: Key, read: Read) -> Sequence[Entry] | None:
        found: list[Entry] = []
        size = 0
        try:
            async with aclosing(read()) as entries:
                async for entry in entries:
                    if entry is None:
                        continue
                    found.append(entry)
                    size += len(entry.frame)
                    if size > _ONE:
                        self._remember(key)
                        return None
        finally:
            del self._coming[key]
        self._keep(key, found, size)
        return found

    def _keep(self, key: Key, entries: Sequence[Entry], size: int) -> None:
        if not entries:  # it was deleted, and would take no room that counts
            return
        self._kept[key] = entries
        self._bytes += size
        while self._bytes > _ALL:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= sum(len(entry.frame) for entry in oldest)

    def _remember(self, key: Key) -> None:
        self._large[key] = None
        if len(self._large) > _LARGE:
            self._large.popitem(last=False)
