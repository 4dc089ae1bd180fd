"""A store in a real file, for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.stores import store_in

from perdure.store import SqlStore


@pytest.fixture
async def store(tmp_path: Path, migrated: Path) -> AsyncIterator[SqlStore]:
    """Of this test alone."""
    async with store_in(tmp_path / "store.db", migrated) as store:
        yield store
