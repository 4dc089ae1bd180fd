"""LangGraph's saver over a pool, and its saves as parts of transactions that are not its own.

Its own holds one lock around all of its calls, and dumps values in the middle of a transaction. Here what it would
execute for a save is noted down, and then sent at once, together with what the fence has to do. That is one implicit
transaction, which ends with its last message, whether or not its client still lives.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import AsyncConnection, AsyncCursor, Connection, Cursor, Error
from psycopg.errors import PipelineAborted
from psycopg.rows import DictRow, dict_row

from ...blocking.postgres_address import PostgresAddress
from ...blocking.postgres_calls import Pool, repeated
from ...contracts.serialization.serde import keyring_of
from ..sealed_metadata import with_metadata

_WHAT = "the checkpoints in"


@dataclass(frozen=True, slots=True)
class Statement:
    """What is sent: once for each of `parameters`."""

    text: str
    parameters: Sequence[Any]


class _NotingSaver(PostgresSaver):
    """LangGraph's saver without a database: what it would execute it notes down. (The asynchronous one would have a
    thread dump the values, which are dumped already: a hop that costs more than the save.)"""

    def __init__(self, serde: SerializerProtocol) -> None:
        super().__init__(cast("Connection[DictRow]", None), serde=serde)
        self.statements: list[Statement] = []

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Generator[Cursor[DictRow]]:
        yield cast("Cursor[DictRow]", self)  # as far as a save needs one

    def execute(self, query: str, parameters: Any) -> None:
        self.statements.append(Statement(query, [parameters]))

    def executemany(self, query: str, parameters: Iterable[Any]) -> None:
        self.statements.append(Statement(query, [*parameters]))


class PoolSaver(AsyncPostgresSaver):
    """LangGraph's saver over a pool, for many calls at the same time. Reads raise `UnavailableError`."""

    def __init__(self, pool: Pool, address: PostgresAddress, serde: SerializerProtocol) -> None:
        super().__init__(pool, serde=serde)
        self._pool = pool
        self._address = address

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncGenerator[AsyncCursor[DictRow]]:
        """LangGraph asks for a pipeline where it writes."""
        async with self._pool.connection() as connection:
            if pipeline:
                async with connection.pipeline(), _cursor_of(connection) as cursor:
                    yield cursor
            else:
                async with _cursor_of(connection) as cursor:
                    yield cursor

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        get = super().aget_tuple
        found = await repeated(self._address, _WHAT, lambda: get(config))
        return None if found is None else with_metadata(found, self.serde)

    async def alist(self, config: RunnableConfig | None, **options: Any) -> AsyncIterator[CheckpointTuple]:
        """All at once, as they are fetched: who reads slowly would keep a connection from others, and from itself."""
        listed = super().alist

        async def fetch() -> list[CheckpointTuple]:
            return [found async for found in listed(config, **options)]

        for found in await repeated(self._address, _WHAT, fetch):
            yield with_metadata(found, self.serde)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        get = super().aget_delta_channel_history
        return await repeated(self._address, _WHAT, lambda: get(config=config, channels=channels))


def _cursor_of(connection: AsyncConnection[DictRow]) -> AsyncCursor[DictRow]:
    return connection.cursor(binary=True, row_factory=dict_row)


async def send(connection: AsyncConnection[DictRow], statements: Sequence[Statement]) -> None:
    """All of them in one implicit transaction. Raises what the first one that fails does."""
    failures: list[Error] = []
    try:
        async with connection.pipeline(), _cursor_of(connection) as cursor:
            try:
                for statement in statements:
                    await cursor.executemany(statement.text.encode(), statement.parameters)
            except Error as exc:  # not out of the pipeline, which would log what it meets on its way out
                failures.append(exc)
    except Error as exc:
        failures.append(exc)
    # Those behind a statement that has failed only say that.
    for failure in sorted(failures, key=lambda one: isinstance(one, PipelineAborted)):
        raise failure


class _Dumped(SerializerProtocol):
    """Hands on what was dumped before, by the identity of the values."""

    def __init__(self, dumped: Iterable[tuple[object, tuple[str, bytes]]]) -> None:
        self._dumped = {id(value): (value, stored) for value, stored in dumped}

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return self._dumped[id(obj)][1]

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        raise NotImplementedError("this saver only saves")


@dataclass(frozen=True, slots=True)
class _Odd:
    """A value that JSON in Postgres cannot hold, or may not. Not being a plain one, it is stored as the others are."""

    value: str | float


def checkpoint_save(
    serde: SerializerProtocol,
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
) -> Sequence[Statement]:
    """The save of a checkpoint. Its values are dumped now: later, a node could have changed them.

    Raises what the serializer does, for a value that cannot be stored.
    """
    hidden = keyring_of(serde) is not None
    values = {
        channel: _Odd(value) if _is_odd(value) or (hidden and isinstance(value, str | int | float)) else value
        for channel, value in _values(checkpoint)
    }
    if hidden:
        # Such a value has a row of its own then, also one that was saved before there were keys.
        versions = checkpoint["channel_versions"]
        rows = {channel: versions[channel] for channel, value in values.items() if isinstance(value, _Odd)}
        new_versions = {**new_versions, **rows}
    dumped = [
        (value, serde.dumps_typed(value.value if isinstance(value, _Odd) else value))
        for channel, value in values.items()
        if channel in new_versions and not _is_plain(value)
    ]
    kept = cast("Checkpoint", {**checkpoint, "channel_values": values})
    saver = _NotingSaver(_Dumped(dumped))
    saver.put(_place(config), kept, _plain_metadata(metadata), new_versions)
    return saver.statements


def writes_save(
    serde: SerializerProtocol, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
) -> Sequence[Statement]:
    """The save of a task's writes. Raises what the serializer does, for a value that cannot be stored."""
    saver = _NotingSaver(serde)
    saver.put_writes(_place(config), writes, task_id, task_path)
    return saver.statements


def _values(checkpoint: Checkpoint) -> Iterable[tuple[str, Any]]:
    return checkpoint["channel_values"].items()


def _is_plain(value: object) -> bool:
    """LangGraph keeps such a value in the checkpoint itself, which is JSON."""
    return value is None or isinstance(value, str | int | float | bool)


def _is_odd(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, str) and ("\0" in value or not _is_text(value))


def _is_text(value: str) -> bool:
    """Half of a surrogate pair is none."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain_metadata(metadata: CheckpointMetadata) -> CheckpointMetadata:
    """What a config says in numbers that JSON has not stands there as text."""
    odd = {key: repr(value) for key, value in metadata.items() if isinstance(value, float) and _is_odd(value)}
    return cast("CheckpointMetadata", {**metadata, **odd})


def _place(config: RunnableConfig) -> RunnableConfig:
    """Without all else that a config says: the metadata has it already."""
    place = config.get("configurable", {})
    known = ("thread_id", "checkpoint_ns", "checkpoint_id")
    return {"configurable": {"checkpoint_ns": "", **{name: place[name] for name in known if name in place}}}
