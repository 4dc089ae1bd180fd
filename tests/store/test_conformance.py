"""Our stores keep what a store promises."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from support.postgres import PostgresServer, database_of, empty
from support.stores import store_at

from perdure.store import SqlStore
from perdure.store.conformance import StoreConformance

Shared = tuple[SqlStore, psycopg.Connection]


@pytest.fixture(scope="module")
async def shared(postgres: PostgresServer, migrated_postgres: str) -> AsyncIterator[Shared]:
    """A store in Postgres, and a connection to its database."""
    with database_of(postgres, migrated_postgres) as url, psycopg.connect(url, autocommit=True) as connection:
        async with store_at(url) as store:
            yield store, connection


class TestSqlite(StoreConformance):
    """With the fixture `store` of the folder."""


class TestPostgres(StoreConformance):
    """In one database, which is emptied before each test."""

    @pytest.fixture
    def store(self, shared: Shared) -> SqlStore:
        store, connection = shared
        empty(connection, "alembic_version", "installation")
        return store
