"""From settings to the back ends that they name, with the keys that these have to be given."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from ..bridge.open import open_bridge
from ..bridge.sealed import SealedBridge
from ..contracts.settings import Settings
from ..store.contract import Store
from ..store.open import open_store, opened_store
from .keys import open_keyring

if TYPE_CHECKING:
    from ..checkpoints.contract import Checkpoints

# None is started yet. Each raises `ConfigError`.


def settings_bridge(settings: Settings) -> SealedBridge:
    """The event streams."""
    bridge = open_bridge(settings.bridge_url, listen_url=settings.bridge.listen_url)
    return SealedBridge(bridge, open_keyring(settings.encryption))


def settings_store(settings: Settings) -> Store:
    """The records."""
    capture = settings.store.capture_message_content
    return open_store(settings.store_url, capture_message_content=capture, keyring=open_keyring(settings.encryption))


def opened_settings_store(settings: Settings) -> AbstractAsyncContextManager[Store]:
    """The records, started for the block. Raises `UnavailableError`, too."""
    return opened_store(settings.store_url, keyring=open_keyring(settings.encryption))


def settings_checkpoints(settings: Settings) -> Checkpoints:
    """The threads' state."""
    from ..checkpoints.open import open_checkpoints  # LangGraph, which takes a second: most commands need none

    return open_checkpoints(settings.checkpointer_url, keyring=open_keyring(settings.encryption))
