"""The SQLite bridge keeps every promise."""

from __future__ import annotations

from perdure.bridge.conformance.suite import BridgeConformance


class TestSqliteBridge(BridgeConformance):
    pass
