"""The tables of assistants: which version is current, and what each version says."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text

from .schema import JsonText, UtcDateTime, metadata
from .sealing import SealedJson, SealedText

assistants = Table(
    "assistants",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("assistant_id", Text, nullable=False, unique=True),
    Column("user_id", Text),
    # The current version: not the last one where an older one was made current again.
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

assistant_versions = Table(
    "assistant_versions",
    metadata,
    Column("assistant_id", Text, ForeignKey(assistants.c.assistant_id, ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("graph_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", SealedText),
    Column("config", SealedJson, nullable=False),
    Column("context", SealedJson, nullable=False),
    Column("metadata", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
