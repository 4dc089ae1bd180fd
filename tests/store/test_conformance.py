"""Our store keeps what a store promises."""

from __future__ import annotations

from perdure.store.conformance import StoreConformance


class TestSqlite(StoreConformance):
    """With the fixture `store` of the folder."""
