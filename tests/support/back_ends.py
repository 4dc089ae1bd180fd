"""Where the installations of tests keep what they keep: `--back-ends`."""

from __future__ import annotations

from perdure import Settings
from perdure.contracts.settings import BridgeSettings, CheckpointerSettings, NodeStoreSettings, StoreSettings

SQLITE = "sqlite"
POSTGRES = "postgres"
POSTGRES_AND_REDIS = "postgres+redis"
BACK_ENDS = (SQLITE, POSTGRES, POSTGRES_AND_REDIS)
"""Files in the home; all in one database; streams in Redis, and the rest in a database."""


def on_postgres(settings: Settings, url: str, streams: str | None = None) -> Settings:
    """These settings, with all that Postgres can hold in this database. `streams`: the URL of a bridge elsewhere."""
    parts = {
        "bridge": BridgeSettings(url=streams or url),
        "store": StoreSettings(url=url),
        "checkpointer": CheckpointerSettings(url=url),
        "langgraph_store": NodeStoreSettings(url=url),
    }
    return settings.model_copy(update=parts)
