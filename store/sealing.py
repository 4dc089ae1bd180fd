"""Columns that are sealed where there are keys. What was written before there were any is read as it is.

Ids, statuses, times, counts, users and the metadata of runs and threads are what queries ask for: these stay clear.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Dialect, LargeBinary, Text
from sqlalchemy.types import TypeDecorator

from ..contracts.chunking import digest_of
from ..contracts.keyring import Keyring, opened_bytes, opened_text, sealed_bytes, sealed_text
from ..contracts.serialization.serializer import from_json, to_json

_keyring: ContextVar[Keyring | None] = ContextVar("perdure_store_keyring", default=None)
_DIGEST = 16
"""Bytes."""


@contextmanager
def sealing(keyring: Keyring | None) -> Generator[None]:
    """In the block columns are sealed and opened with these keys. (Tables are the module's, and keys a store's.)"""
    token = _keyring.set(keyring)
    try:
        yield
    finally:
        _keyring.reset(token)


def column_digest(data: bytes) -> bytes:
    """By which a column tells equal contents, as `chunking.digest_of`; where there are keys, to nobody else."""
    keyring = _keyring.get()
    return digest_of(data) if keyring is None else keyring.digest(data, size=_DIGEST)


class Json(bytes):
    """What is strict JSON already, for a column that holds JSON."""


def json_text(value: Any) -> str | None:
    """A value as a column has it: strict JSON, `None` as NULL."""
    if isinstance(value, Json):
        return value.decode()
    return None if value is None else to_json(value).decode()


class SealedText(TypeDecorator[str]):
    """A text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else sealed_text(_keyring.get(), value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else opened_text(_keyring.get(), value)


class SealedJson(TypeDecorator[Any]):
    """Any value as strict JSON, `None` as NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        text = json_text(value)
        return None if text is None else sealed_text(_keyring.get(), text)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else from_json(opened_text(_keyring.get(), value))


class SealedBytes(TypeDecorator[bytes]):
    """Bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else sealed_bytes(_keyring.get(), value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else opened_bytes(_keyring.get(), bytes(value))
