"""The stored state of threads, for a process without graphs. Checkpoints are opened when they are first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from ..contracts.closing import closing
from ..contracts.errors import ConfigError
from ..contracts.settings import Settings
from .back_ends import settings_checkpoints

if TYPE_CHECKING:
    from ..checkpoints.contract import Checkpoints
    from ..contracts.threads import ThreadSnapshot


class LazyStates:
    """A facade's `StateReader`, over the checkpointer that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._checkpoints: Checkpoints | None = None
        self._opening = asyncio.Lock()

    async def snapshot(self, thread_id: str, checkpoint_id: str | None) -> ThreadSnapshot | None:
        """The state of a thread. Raises `UnavailableError`."""
        from ..checkpoints.reading import read_snapshot  # LangGraph, which takes a second: most commands need none

        return await read_snapshot((await self._opened()).saver, thread_id, checkpoint_id)

    async def history(
        self, thread_id: str, *, limit: int, before: str | None, nested: bool = False
    ) -> AsyncIterator[ThreadSnapshot]:
        """Its states, the newest first. Raises `UnavailableError`."""
        from ..checkpoints.reading import read_history

        saver = (await self._opened()).saver
        async with closing(read_history(saver, thread_id, limit=limit, before=before, nested=nested)) as read:
            async for snapshot in read:
                yield snapshot

    async def close(self) -> None:
        """Let go of the checkpoints."""
        async with self._opening:
            if self._checkpoints is not None:
                await self._checkpoints.close()
                self._checkpoints = None

    async def _opened(self) -> Checkpoints:
        async with self._opening:
            if self._checkpoints is None:
                url = self._settings.checkpointer_url
                if url.startswith("memory:"):
                    raise ConfigError(
                        f"checkpointer.url is {url}: what is stored is in the worker's memory, where only the "
                        "worker can read it: ask for the state without `stored`"
                    )
                opened = settings_checkpoints(self._settings)
                await opened.start()
                self._checkpoints = opened
            return self._checkpoints
