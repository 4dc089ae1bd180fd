"""The tables of the records, down to each revision and up again, in both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from perdure import Settings
from perdure.blocking.table_shelf import engine_at
from perdure.contracts.settings import StoreSettings
from perdure.runtime.migration import migrate_store
from perdure.store.schema import REVISION

REVISIONS = [f"{number:04}" for number in range(1, int(REVISION) + 1)]


def tables(url: str) -> dict[str, Any]:
    """Names of the tables, with those of their columns and indexes."""
    with engine_at("store.url", url) as engine:
        found = inspect(engine)
        return {
            name: (
                {column["name"]: column["nullable"] for column in found.get_columns(name)},
                {index["name"] for index in found.get_indexes(name)},
            )
            for name in found.get_table_names()
        }


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    return (
        request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/store.db"
    )


@pytest.mark.usefixtures("needs_server")
async def test_each_revision_down_and_up_again(url: str) -> None:
    settings = Settings(store=StoreSettings(url=url))
    seen: dict[str, Any] = {}
    for revision in REVISIONS:
        migration = await migrate_store(settings, revision, check=False, force=False)
        assert (migration.steps, migration.down) == ((revision,), False)
        seen[revision] = await asyncio.to_thread(tables, url)
    for revision in REVISIONS[-2::-1]:
        migration = await migrate_store(settings, revision, check=False, force=True)
        assert migration.down
        assert await asyncio.to_thread(tables, url) == seen[revision]
    await migrate_store(settings, None, check=False, force=False)
    assert await asyncio.to_thread(tables, url) == seen[REVISION]
