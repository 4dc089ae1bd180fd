"""From a URL to a store."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from ..contracts.back_ends import STORES, open_installed
from ..contracts.keyring import Keyring
from .contract import Store


def open_store(
    url: str,
    *,
    lock_timeout: float = 10.0,
    capture_message_content: bool = True,
    keyring: Keyring | None = None,
) -> Store:
    """The store of a URL, not started yet.

    `sqlite:///folder/store.db`, or with four slashes for an absolute path; `postgresql://…` as libpq has it.
    `lock_timeout`: seconds that a call waits while others write, before it raises `UnavailableError`.
    `capture_message_content`: whether the run events that it writes have contents. `keyring`: seals what it keeps.
    Another scheme is that of an installed distribution (`contracts/back_ends.py`), whose factory is given
    `capture_message_content`, too, and `keyring`, if there is one. Raises `ConfigError`.
    """
    if not url.startswith(("sqlite:", "postgresql:")):
        options: dict[str, Any] = {} if keyring is None else {"keyring": keyring}
        installed = open_installed(STORES, url, "store.url", capture_message_content=capture_message_content, **options)
        if installed is not None:
            return installed
    from .sql import SqlStore  # SQLAlchemy takes 0.3 s to import, which a command that opens no store never pays

    return SqlStore(url, lock_timeout=lock_timeout, capture_message_content=capture_message_content, keyring=keyring)


@asynccontextmanager
async def opened_store(url: str, *, keyring: Keyring | None = None) -> AsyncGenerator[Store]:
    """The store of a URL, for the block. Raises `ConfigError` and `UnavailableError`."""
    store = open_store(url, keyring=keyring)
    try:
        await store.start()
        yield store
    finally:
        await store.close()
