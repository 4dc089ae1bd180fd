"""Checkpoints of SQLite for Postgres, and back. Nothing of what users' classes stand for is built.

A row is a checkpoint without its values, the values of its channels each by itself, as MessagePack, and its metadata.
What Postgres does not keep is no part of it: the value of a channel that was never written, which has no version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import ormsgpack
from langgraph.checkpoint.serde.jsonplus import EXT_DELTA_SNAPSHOT
from sqlalchemy import Column, Engine, LargeBinary, MetaData, Table, Text, bindparam, delete, insert, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_or

from ..blocking.table_shelf import LARGE_PAGE, Content, Key, TableShelf, clean, writing
from ..contracts.errors import UnavailableError
from ..contracts.keyring import Keyring, opened_bytes, sealed_bytes

NAME = "checkpoints"
_SEALED = "+sealed"
"""Ends the type of what is sealed, as in `contracts.serialization.serde`."""
_OPTIONS = ormsgpack.OPT_NON_STR_KEYS


def _columns(*others: Column[Any]) -> list[Column[Any]]:
    keys = ("thread_id", "checkpoint_ns", "checkpoint_id")
    return [*(Column(key, Text, primary_key=True) for key in keys), Column("parent_checkpoint_id", Text), *others]


_SQLITE = Table(
    "checkpoints",
    MetaData(),
    *_columns(Column("type", Text), Column("checkpoint", LargeBinary), Column("metadata", LargeBinary)),
)
_POSTGRES = Table("checkpoints", MetaData(), *_columns(Column("checkpoint", JSONB), Column("metadata", JSONB)))
_BLOBS = Table(
    "checkpoint_blobs",
    MetaData(),
    *(Column(key, Text, primary_key=True) for key in ("thread_id", "checkpoint_ns", "channel", "version")),
    Column("type", Text),
    Column("blob", LargeBinary),
)
_VALUES = text(
    """
    SELECT b.channel, b.type, b.blob FROM checkpoints AS c
    CROSS JOIN LATERAL jsonb_each_text(c.checkpoint -> 'channel_versions') AS v
    JOIN checkpoint_blobs AS b ON b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns
        AND b.channel = v.key AND b.version = v.value
    WHERE c.thread_id = :thread AND c.checkpoint_ns = :namespace AND c.checkpoint_id = :checkpoint
    """
)


class _Format:
    """Values as they are stored, with their types: what `Serializer` does, without a class of anybody's."""

    def __init__(self, keyring: Keyring | None) -> None:
        self.keyring = keyring

    def load(self, kind: str, data: bytes, place: Key) -> Any:
        if kind.endswith(_SEALED):
            kind, data = kind.removesuffix(_SEALED), opened_bytes(self.keyring, data)
        if kind == "null":
            return None
        if kind in ("bytes", "bytearray"):
            return data
        if kind == "json":
            return json.loads(data)
        if kind != "msgpack":
            raise UnavailableError(f"the checkpoint {place} holds a value of the form {kind!r}, which is not read")
        return unpacked(data)

    def dump(self, value: Any) -> tuple[str, bytes]:
        kind, data = "msgpack", b""
        if value is None:
            kind = "null"
        elif isinstance(value, bytes):
            kind, data = "bytes", value
        else:
            data = packed(value)
        return (kind, data) if self.keyring is None else (kind + _SEALED, sealed_bytes(self.keyring, data))


class _Opaque:
    """What a class would be built of."""

    def __init__(self, tag: int, data: bytes) -> None:
        self.tag = tag
        self._data = data

    @staticmethod
    def form(value: Any) -> ormsgpack.Ext:
        """As ormsgpack asks for what it does not know."""
        assert isinstance(value, _Opaque)
        return ormsgpack.Ext(value.tag, value._data)


def packed(value: Any) -> bytes:
    """As MessagePack, in which values can be compared: a NaN is equal to itself."""
    return ormsgpack.packb(value, default=_Opaque.form, option=_OPTIONS)


def unpacked(data: bytes) -> Any:
    """The inverse of `packed`."""
    return ormsgpack.unpackb(data, ext_hook=_Opaque, option=_OPTIONS)


def _content(parent: str | None, checkpoint: Mapping[str, Any], metadata: Any) -> Content:
    head = {name: value for name, value in checkpoint.items() if name != "channel_values"}
    values = cast("Mapping[str, Any]", checkpoint.get("channel_values") or {})
    versions = cast("Mapping[str, Any]", head.get("channel_versions") or {})
    kept = {channel: packed(value) for channel, value in values.items() if _is_inline(value) or channel in versions}
    return parent, clean(head), kept, clean(_plain(metadata))


def _is_inline(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A number that JSON has not stands there as text, as in `postgres.saving`."""
    odd = {name: repr(one) for name, one in metadata.items() if isinstance(one, float) and not math.isfinite(one)}
    return {**metadata, **odd}


class SqliteCheckpointShelf:
    """LangGraph's table in SQLite."""

    name = NAME

    def __init__(self, engine: Engine, keyring: Keyring | None) -> None:
        self._rows = TableShelf(NAME, engine, _SQLITE, rows=LARGE_PAGE)
        self._format = _Format(keyring)

    def page(self, after: Key | None) -> Mapping[Key, Content]:
        """The next rows behind a key."""
        return self._converted(self._rows.page(after))

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Content]:
        """Those of the rows that are there."""
        return self._converted(self._rows.get(keys))

    def put(self, rows: Mapping[Key, Content]) -> None:
        """Write rows, in place of those with their keys."""
        self._rows.put({key: self._row(content) for key, content in rows.items()})

    def remove(self, keys: Sequence[Key]) -> None:
        """Delete rows."""
        self._rows.remove(keys)

    def _row(self, content: Content) -> Content:
        parent, head, values, metadata = content
        checkpoint = {**head, "channel_values": {channel: unpacked(value) for channel, value in values.items()}}
        kind, data = self._format.dump(checkpoint)
        return parent, kind, data, json.dumps(metadata, ensure_ascii=False).encode()

    def _converted(self, rows: Mapping[Key, Content]) -> dict[Key, Content]:
        return {
            key: _content(parent, self._format.load(kind, data, key), json.loads(metadata or b"{}"))
            for key, (parent, kind, data, metadata) in rows.items()
        }


@dataclass(frozen=True, slots=True)
class _Parts:
    """Of a checkpoint in Postgres: its row, and the values that have rows of their own."""

    row: Mapping[str, Any]
    blobs: Sequence[Mapping[str, Any]]


class PostgresCheckpointShelf:
    """LangGraph's tables in Postgres."""

    name = NAME

    def __init__(self, engine: Engine, keyring: Keyring | None) -> None:
        self._engine = engine
        self._rows = TableShelf(NAME, engine, _POSTGRES, rows=LARGE_PAGE)
        self._format = _Format(keyring)

    def page(self, after: Key | None) -> Mapping[Key, Content]:
        """The next rows behind a key."""
        return self._converted(self._rows.page(after))

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Content]:
        """Those of the rows that are there."""
        return self._converted(self._rows.get(keys))

    def put(self, rows: Mapping[Key, Content]) -> None:
        """Write rows, in place of those with their keys."""
        parts = [self._parts(key, content) for key, content in rows.items()]
        blobs = [blob for one in parts for blob in one.blobs]
        names = ("thread_id", "checkpoint_ns", "checkpoint_id")
        are = [_POSTGRES.c[name] == bindparam(f"of_{name}") for name in names]
        with writing(self._engine) as connection:
            connection.execute(delete(_POSTGRES).where(*are), [_named(names, key) for key in rows])
            if blobs:
                connection.execute(_PUT_BLOB, blobs)
            connection.execute(insert(_POSTGRES), [one.row for one in parts])

    def remove(self, keys: Sequence[Key]) -> None:
        """Delete rows. Values that nothing refers to any more may stay, as LangGraph leaves them."""
        self._rows.remove(keys)

    def _parts(self, key: Key, content: Content) -> _Parts:
        parent, head, packed_values, metadata = content
        inline: dict[str, Any] = {}
        blobs: list[Mapping[str, Any]] = []
        for channel, value in ((name, unpacked(data)) for name, data in packed_values.items()):
            if self._stays_inline(value) or channel not in head["channel_versions"]:
                inline[channel] = value
                continue
            if isinstance(value, _Opaque) and value.tag == EXT_DELTA_SNAPSHOT:
                inline[channel] = True  # so LangGraph finds the newest snapshot without reading it
            kind, data = self._format.dump(value)
            version = str(head["channel_versions"][channel])
            place = {"thread_id": key[0], "checkpoint_ns": key[1], "channel": channel, "version": version}
            blobs.append({**place, "type": kind, "blob": data})
        checkpoint = {**head, "channel_values": inline}
        names = ("thread_id", "checkpoint_ns", "checkpoint_id")
        row = dict(zip(names, key, strict=True))
        return _Parts({**row, "parent_checkpoint_id": parent, "checkpoint": checkpoint, "metadata": metadata}, blobs)

    def _stays_inline(self, value: object) -> bool:
        """As `postgres.saving` decides it: what JSON cannot hold, and with keys what tells something, does not."""
        if value is None or isinstance(value, bool):
            return True
        if self._format.keyring is not None or not _is_inline(value):
            return False
        if isinstance(value, float):
            return math.isfinite(value)
        return not isinstance(value, str) or "\0" not in value

    def _converted(self, rows: Mapping[Key, Content]) -> dict[Key, Content]:
        with self._engine.connect() as connection:
            found = {
                key: connection.execute(
                    _VALUES, dict(zip(("thread", "namespace", "checkpoint"), key, strict=True))
                ).all()
                for key in rows
            }
        return {key: self._one(key, content, found[key]) for key, content in rows.items()}

    def _one(self, key: Key, content: Content, blobs: Sequence[Any]) -> Content:
        parent, checkpoint, metadata = content
        values = {
            channel: self._format.load(kind, bytes(data or b""), key)
            for channel, kind, data in blobs
            if kind != "empty"
        }
        inline = cast("Mapping[str, Any]", checkpoint.get("channel_values") or {})
        whole: dict[str, Any] = {**checkpoint, "channel_values": {**inline, **values}}
        return _content(parent, whole, metadata)


_NEW_BLOB = insert_or(_BLOBS)
_PUT_BLOB = _NEW_BLOB.on_conflict_do_update(
    index_elements=["thread_id", "checkpoint_ns", "channel", "version"],
    set_={"type": _NEW_BLOB.excluded.type, "blob": _NEW_BLOB.excluded.blob},
)


def _named(names: Sequence[str], key: Key) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in zip(names, key, strict=True)}
