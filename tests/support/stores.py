"""Stores in files of their own, which need not be migrated each time."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from perdure.contracts.keyring import Keyring
from perdure.store import SqlStore

from .postgres import PostgresServer


async def migrated_file(folder: Path) -> Path:
    """A file with all tables, to be copied."""
    path = folder / "store.db"
    store = SqlStore(f"sqlite:///{path}")
    await store.start()
    await store.close()
    return path


@asynccontextmanager
async def store_in(path: Path, migrated: Path, *, keyring: Keyring | None = None) -> AsyncGenerator[SqlStore]:
    """A store in a copy of `migrated` (the same path: in that file), open while the block runs."""
    path.parent.mkdir(exist_ok=True)
    if migrated != path:
        shutil.copy(migrated, path)
    store = SqlStore(f"sqlite:///{path}", keyring=keyring)
    await store.start()
    yield store
    await store.close()


async def migrated_database(server: PostgresServer) -> str:
    """The name of a database with all tables, to be copied."""
    name = server.create_database()
    async with store_at(server.url(name)):
        return name


@asynccontextmanager
async def store_at(url: str) -> AsyncGenerator[SqlStore]:
    """A store, open while the block runs."""
    store = SqlStore(url)
    try:
        await store.start()
        yield store
    finally:
        await store.close()
