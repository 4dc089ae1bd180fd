"""The records of runs: what is asked of a store, and the store over SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .contract import (
    RunCreateStore,
    RunDeleteStore,
    RunEnding,
    RunProgressStore,
    RunQueryStore,
    Store,
    StoredRun,
    ThreadLine,
)
from .event_contract import RunEventStore
from .open import open_store
from .run_filter import RunFilter

if TYPE_CHECKING:
    from .sql import SqlStore

__all__ = [
    "RunCreateStore",
    "RunDeleteStore",
    "RunEnding",
    "RunEventStore",
    "RunFilter",
    "RunProgressStore",
    "RunQueryStore",
    "SqlStore",
    "Store",
    "StoredRun",
    "ThreadLine",
    "open_store",
]


def __getattr__(name: str) -> type[SqlStore]:
    # SQLAlchemy takes 0.3 s to import: whoever imports the room for its words only does not pay for it.
    if name == "SqlStore":
        from .sql import SqlStore

        return SqlStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
