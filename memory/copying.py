"""LangGraph's store as rows, to be copied into another database: items with their times, and their vectors."""

from __future__ import annotations

import json
import struct
from typing import Any

from sqlalchemy import Column, Dialect, Engine, Float, LargeBinary, MetaData, Table, Text, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from ..blocking.table_shelf import Moment, Shelf, TableShelf, WholeMinutes, clean, same_kind
from ..contracts.errors import ConfigError

_VECTORS = "store_vectors"


class _Json(TypeDecorator[Any]):
    """A value: text in SQLite, JSONB in Postgres."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else JSONB())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return json.dumps(value, ensure_ascii=False) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return clean(json.loads(value) if isinstance(value, str | bytes) else value)


class _VectorType(UserDefinedType[str]):
    """pgvector's, as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Its name in SQL."""
        return "vector"


class _Vector(TypeDecorator[bytes]):
    """A vector as SQLite has it: four bytes a number."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(LargeBinary() if dialect.name == "sqlite" else _VectorType())

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "sqlite":
            return value
        return json.dumps(struct.unpack(f"{len(value) // 4}f", value))

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None or isinstance(value, bytes):
            return value
        numbers = json.loads(value)
        return struct.pack(f"{len(numbers)}f", *numbers)


def item_shelves(engine: Engine, other: Engine) -> list[Shelf]:
    """Items, and vectors where both places have them; their tables are there. Raises `ConfigError` if only one has."""
    minutes = Float() if same_kind(engine, other) else WholeMinutes()
    shelves: list[Shelf] = [TableShelf("store items", engine, _items(minutes))]
    here, there = _has_vectors(engine), _has_vectors(other)
    if here != there:
        raise ConfigError(
            "store.index of langgraph.json: one of the two installations has vectors, and the other has none; give "
            "both the same index"
        )
    if here:
        shelves.append(TableShelf("store vectors", engine, _vectors()))
    return shelves


def _has_vectors(engine: Engine) -> bool:
    return inspect(engine).has_table(_VECTORS)


def _key(name: str) -> Column[Any]:
    return Column(name, Text, primary_key=True)


def _times() -> tuple[Column[Any], Column[Any]]:
    return Column("created_at", Moment), Column("updated_at", Moment)


def _items(minutes: Any) -> Table:
    lifetime = (Column("expires_at", Moment), Column("ttl_minutes", minutes))
    return Table("store", MetaData(), _key("prefix"), _key("key"), Column("value", _Json), *_times(), *lifetime)


def _vectors() -> Table:
    keys = (_key("prefix"), _key("key"), _key("field_name"))
    return Table(_VECTORS, MetaData(), *keys, Column("embedding", _Vector), *_times())
