"""What may happen to a back end, for the suite to do to yours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ..contract import Bridge


class Faults:
    """Nothing of it happens. Subclass it, with what can happen to your back end."""

    @asynccontextmanager
    async def lost_answers(self, bridge: Bridge) -> AsyncGenerator[None]:
        """The next publish of `bridge`, the first handle, happens, and its answer gets lost, within the block."""
        yield

    @asynccontextmanager
    async def power_cut(self) -> AsyncGenerator[None]:
        """What is written within the block is lost at its end, and the back end is there again."""
        yield

    @asynccontextmanager
    async def deafness(self, bridge: Bridge) -> AsyncGenerator[None]:
        """Nothing that the back end tells by itself reaches `bridge`, the first handle, within the block."""
        yield

    async def restart(self) -> None:
        """The back end is killed and started again, with all that was written."""

    async def remove(self, run_id: str, first: int, last: int) -> None:
        """The events of the stream with these ids, and those between, are gone; only they."""
