"""Back ends in real files, shared by the tests of a module: each run has ids of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.stores import store_in

from perdure.store import SqlStore

from .driving import BackEnds, back_ends


@pytest.fixture(scope="module")
async def ends(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BackEnds]:
    async with back_ends(tmp_path_factory.mktemp("ends")) as opened:
        yield opened


@pytest.fixture
async def store(tmp_path: Path, migrated: Path) -> AsyncIterator[SqlStore]:
    """Of this test alone."""
    async with store_in(tmp_path / "store.db", migrated) as store:
        yield store
