"""How a process learns of changes: one connection that listens for all who wait in it (`bridge/listening.py`).

LISTEN needs a session: behind a pgbouncer that pools by transaction it is heard by nobody, and nothing says so. So each
new connection is told something, over the way that writes take. One that does not hear it is no use.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from psycopg import AsyncConnection

from ...blocking.postgres_address import CONNECTING, PostgresAddress
from ...contracts.errors import UnavailableError
from ..listening import Listening, first_of
from ..watches import Subject
from .channels import channel_of
from .link import LINK_ERRORS

logger = logging.getLogger(__name__)

_PROOF = 3.0
"""Seconds in which a new connection has to hear something."""
_PAUSE, _LOOKS = 0.2, 300
"""Seconds between looks where notifications do not come, and how many before another connection is tried."""
_KEPT = 100
"""Channels that nobody needs any more, before they are given up together."""


class Listener(Listening):
    """From `start` to `close`, on the event loop of its `start`."""

    def __init__(
        self,
        address: PostgresAddress,
        shown: str,
        *,
        tell: Callable[[str], Awaitable[None]],
        answers: Callable[[], Awaitable[bool]],
    ) -> None:
        """`address`: of the server itself; `shown`: of the bridge. `tell`: a word on a channel, as writes are told.

        `answers`: whether readers are answered, whose address may be another one.
        """
        super().__init__(shown, failures=(*LINK_ERRORS, UnavailableError))
        self._address = address
        self._tell = tell
        self._answers = answers
        self._heard: dict[str, Subject] = {}
        """What the connection hears of, by channel."""

    async def converse(self) -> None:
        self._heard.clear()
        async with await AsyncConnection.connect(self._address.conninfo, **CONNECTING) as connection:
            heard = await self._is_heard(connection)
            self.reachable = True
            while heard:
                self.stirred.clear()
                await self._listen_to_wanted(connection)
                await first_of(self._hear(connection), self._until_stirred())
        await self._look_often()

    async def can_look(self) -> bool:
        return self.reachable or await self._answers()

    async def _is_heard(self, connection: AsyncConnection) -> bool:
        channel = f"perdure_proof_{secrets.token_hex(8)}"
        await connection.execute(f"LISTEN {channel}".encode())
        await self._tell(channel)
        return [word async for word in connection.notifies(timeout=_PROOF, stop_after=1)] != []

    async def _look_often(self) -> None:
        """For a while: then it may be heard."""
        logger.warning(
            "the bridge at %s hears no notifications at %s, so it is asked often: set bridge.listen_url to the server "
            "itself, without a pgbouncer that pools by transaction",
            self.shown,
            self._address.shown,
        )
        for _ in range(_LOOKS):
            await asyncio.sleep(_PAUSE)
            if await self._answers():
                self.wake(self.wanted())

    async def _listen_to_wanted(self, connection: AsyncConnection) -> None:
        wanted = {channel_of(subject): subject for subject in self.wanted()}
        new, old = wanted.keys() - self._heard.keys(), self._heard.keys() - wanted.keys()
        if len(old) <= _KEPT:
            old = set[str]()
        statements = [*(f"LISTEN {one}" for one in new), *(f"UNLISTEN {one}" for one in old)]
        if statements:
            await connection.execute("; ".join(statements).encode())
        self._heard = {one: subject for one, subject in self._heard.items() if one not in old} | wanted
        self.wake(wanted[one] for one in new)  # what came before this was told to nobody

    async def _hear(self, connection: AsyncConnection) -> None:
        async with aclosing(connection.notifies()) as words:
            async for word in words:
                if (subject := self._heard.get(word.channel)) is not None:
                    self.wake([subject])

    async def _until_stirred(self) -> None:
        await self.stirred.wait()
