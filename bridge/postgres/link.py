"""The connection for what a process writes. It ends with its first failure."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, Error

from ...blocking.postgres_address import CONNECTING, PostgresAddress
from ...blocking.postgres_calls import may_pass
from ..publishing import Append
from ..watches import Topic
from .channels import channel_of

LINK_ERRORS = (Error, OSError)
ANSWER_TIMEOUT = 20.0
"""Seconds: a server that takes longer is taken for frozen or gone."""

_PUBLISH = """
    CALL perdure_stream_publish_all(
        %(writer)s::text, %(runs)s::text[], %(numbers)s::bigint[], %(fences)s::bigint[], %(tolds)s::bigint[],
        %(terminals)s::boolean[], %(counts)s::integer[],
        %(names)b::bytea[], %(keys)b::bytea[], %(datas)b::bytea[], %(channels)s::text[], NULL
    )
"""


@dataclass(frozen=True, slots=True)
class Publish:
    """A batch, with its texts as the server takes them."""

    append: Append
    names: Sequence[bytes]
    keys: Sequence[bytes | None]

    @classmethod
    def of(cls, append: Append) -> Publish:
        """Raises `UnicodeEncodeError` for a text that is none (half a surrogate pair)."""
        events = append.batch.events
        keys = [None if one.key is None else one.key.encode() for one in events]
        return cls(append, [one.event.encode() for one in events], keys)


@dataclass(frozen=True, slots=True)
class Write:
    """A statement that says how something is from now on, so that it may be executed twice."""

    statement: str
    parameters: Mapping[str, Any]


class Link:
    """Use `Link.open`. Calls raise `LINK_ERRORS`; whether the server has executed what failed is unknown."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, address: PostgresAddress) -> Link:
        return cls(await AsyncConnection.connect(address.conninfo, **CONNECTING))

    async def ask(self, calls: Sequence[Publish | Write]) -> list[Any]:
        """Those that publish are one call for the server, the others one each."""
        late = asyncio.get_running_loop().call_later(ANSWER_TIMEOUT, self._break)
        try:
            answers = iter(await self._publish_all([call for call in calls if isinstance(call, Publish)]))
            return [next(answers) if isinstance(call, Publish) else await self._write(call) for call in calls]
        finally:
            late.cancel()

    async def close(self) -> None:
        with suppress(*LINK_ERRORS):
            await self._connection.close()

    def _break(self) -> None:
        """Who waits for an answer gets an error. (To cancel psycopg would wait for the server once more.)"""
        with suppress(*LINK_ERRORS), socket.fromfd(self._connection.fileno(), 0, 0) as connected:
            connected.shutdown(socket.SHUT_RDWR)

    async def _publish_all(self, publishes: Sequence[Publish]) -> Sequence[str | Error]:
        if not publishes:
            return []
        answers = await self._publish(publishes)
        if not isinstance(answers, Error):
            return answers
        if len(publishes) == 1:
            return [answers]
        return [(await self._publish_all([one]))[0] for one in publishes]  # nothing was done: each finds out for itself

    async def _publish(self, publishes: Sequence[Publish]) -> Sequence[str] | Error:
        """Heads are locked in the order of their runs, so that processes do not wait for one another in a circle."""
        order = sorted(range(len(publishes)), key=lambda place: publishes[place].append.batch.run_id)
        try:
            cursor = await self._connection.execute(_PUBLISH, _parameters([publishes[place] for place in order]))
            row = await cursor.fetchone()
        except Error as exc:
            return _refusal(exc)
        assert row is not None
        answers = dict(zip(order, row[0], strict=True))
        return [answers[place] for place in range(len(publishes))]

    async def _write(self, call: Write) -> Error | None:
        try:
            await self._connection.execute(call.statement.encode(), call.parameters)
        except Error as exc:
            return _refusal(exc)


def _refusal(error: Error) -> Error:
    """Raises what ends the connection, or passes with another one."""
    if may_pass(error):
        raise error
    return error


def _parameters(publishes: Sequence[Publish]) -> dict[str, Any]:
    appends = [one.append for one in publishes]
    batches = [append.batch for append in appends]
    return {
        "writer": appends[0].writer,
        "runs": [batch.run_id for batch in batches],
        "numbers": [append.number for append in appends],
        "fences": [batch.fence for batch in batches],
        "tolds": [append.told for append in appends],
        "terminals": [batch.terminal for batch in batches],
        "counts": [len(batch.events) for batch in batches],
        "names": [name for one in publishes for name in one.names],
        "keys": [key for one in publishes for key in one.keys],
        "datas": [event.data for batch in batches for event in batch.events],
        "channels": [channel_of((batch.run_id, Topic.STREAM)) for batch in batches if batch.events],
    }
