"""One connection to the server. It ends with its first failure: a new one learns anew which server it reaches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from .address import RedisAddress
from .scripts import ALL, Word, Words

LINK_ERRORS = (RedisError, OSError)
_GONE = (NoScriptError, ReadOnlyError)
"""Answers that say that this is another server than it was, or no master any more."""


class Link:
    """Use `Link.open`. Calls raise `LINK_ERRORS`; whether the server has executed what failed is unknown."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self.info: dict[str, str] = {}
        """What the server said of itself when the connection was made (`INFO`)."""

    @classmethod
    async def open(cls, address: RedisAddress) -> Link:
        link = cls(await address.connection())
        try:
            await link._begin()
        except BaseException:
            await link.close()
            raise
        return link

    @property
    def server(self) -> str:
        """Changes with each start of the server, and from one server to another."""
        return self.info.get("run_id", "")

    async def ask(self, calls: Sequence[Words]) -> list[Any]:
        """Send them together; their answers, each of which may be a `ResponseError`."""
        await self._send([self._filled(words) for words in calls])
        answers = [await self._answer() for _ in calls]
        for answer in answers:
            if isinstance(answer, _GONE):
                raise RedisConnectionError(str(answer))
        return answers

    async def say(self, *words: Word) -> None:
        """A command whose answer is heard."""
        await self._send([[*words]])

    async def hear(self, timeout: float) -> Any:
        """What the server says next, `None` if that is nothing. Raises what it refuses, too."""
        return cast("Any", await self._connection.read_response(timeout=timeout))

    async def close(self) -> None:
        with suppress(*LINK_ERRORS):
            await self._connection.disconnect(nowait=True)

    async def _begin(self) -> None:
        await self._connection.connect()
        said, *loaded = await self.ask([("INFO",), *(("SCRIPT", "LOAD", script.text) for script in ALL)])
        for answer in (said, *loaded):
            if isinstance(answer, ResponseError):
                raise answer
        self.info = dict(re.findall(r"^(\w+):(.*?)\r?$", said.decode(errors="replace"), re.MULTILINE))

    def _filled(self, words: Words) -> list[Word]:
        return [word if isinstance(word, str | bytes | int) else self.server for word in words]

    async def _send(self, commands: Sequence[Sequence[Word]]) -> None:
        if not self._connection.is_connected:  # redis-py would connect anew, to a server that nobody has looked at
            raise RedisConnectionError("the connection is closed")
        await self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)

    async def _answer(self) -> Any:
        try:
            return cast("Any", await self._connection.read_response())
        except ResponseError as exc:
            return exc
