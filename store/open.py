"""From a URL to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sql import SqlStore


def open_store(url: str, *, lock_timeout: float = 10.0, capture_message_content: bool = True) -> SqlStore:
    """The store of a URL, not started yet.

    `sqlite:///folder/store.db`, or with four slashes for an absolute path. `lock_timeout`: seconds that a call
    waits while others write, before it raises `UnavailableError`. `capture_message_content`: whether the run events
    that it writes have contents. Raises `ConfigError` for another kind of URL.
    """
    from .sql import SqlStore  # SQLAlchemy takes 0.3 s to import, which a command that opens no store never pays

    return SqlStore(url, lock_timeout=lock_timeout, capture_message_content=capture_message_content)
