"""LangGraph's saves to SQLite as parts of transactions that are not its own.

Its asynchronous saver visits a thread four times for a save, and holds the file's write lock over all of them. Here
its synchronous one does the same work within one visit, together with what the fence has to do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite import SqliteSaver

from ...blocking import BUSY_TIMEOUT, private_database

_DUMPED = "dumped"


class SavingConnection(sqlite3.Connection):
    """LangGraph's saver on a connection whose transactions somebody else begins and ends."""

    saver: SqliteSaver

    def commit(self) -> None:
        """Nothing: the saver commits after each save, also after one that has failed half way."""


@dataclass(frozen=True, slots=True)
class Save:
    """What is left to do of a save when its values are dumped."""

    call: Callable[[SqliteSaver], object]
    size: int
    """Bytes of its values."""


class _Dumped(SerializerProtocol):
    """Hands on what was dumped before."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return obj[_DUMPED]

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        raise NotImplementedError("this saver only saves")


def connect(path: Path) -> SavingConnection:
    """A connection for saving; makes the folder, the file and LangGraph's tables."""
    private_database(path)
    # Used by one thread at a time, which is not always the same.
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, factory=SavingConnection, check_same_thread=False
    )
    try:
        # A finished superstep survives kill -9 without a disk sync for each; facts: 3 to 10 times the speed.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.saver = SqliteSaver(connection, serde=_Dumped())
        connection.saver.setup()
    except BaseException:
        connection.close()
        raise
    return connection


def checkpoint_save(
    serde: SerializerProtocol,
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
) -> Save:
    """The save of a checkpoint. Its values are dumped now: on a thread, a node could change them meanwhile."""
    place, value = _place(config), _dump(serde, checkpoint)
    dumped = cast("Checkpoint", {"id": checkpoint["id"], **value})
    return Save(lambda saver: saver.put(place, dumped, metadata, new_versions), _size(value))


def writes_save(
    serde: SerializerProtocol, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
) -> Save:
    """The save of a task's writes. Their values are dumped now."""
    place, dumped = _place(config), [(channel, _dump(serde, value)) for channel, value in writes]
    size = sum(_size(value) for _, value in dumped)
    return Save(lambda saver: saver.put_writes(place, dumped, task_id, task_path), size)


def _place(config: RunnableConfig) -> RunnableConfig:
    """Without all else that a config says: the metadata has it already, perhaps sealed."""
    place = config.get("configurable", {})
    known = ("thread_id", "checkpoint_ns", "checkpoint_id")
    return {"configurable": {"checkpoint_ns": "", **{name: place[name] for name in known if name in place}}}


def _size(dumped: Mapping[str, tuple[str, bytes]]) -> int:
    return len(dumped[_DUMPED][1])


def _dump(serde: SerializerProtocol, value: Any) -> Mapping[str, tuple[str, bytes]]:
    return {_DUMPED: serde.dumps_typed(value)}
