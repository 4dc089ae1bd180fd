"""An operator's word that a Temporal is gone for good."""

from __future__ import annotations

from ..contracts.settings import Settings
from .back_ends import opened_settings_store


async def abandon(settings: Settings, namespace_id: str) -> None:
    """From now on a worker ends the open runs that were submitted to it. Raises `UnavailableError`."""
    async with opened_settings_store(settings) as store:
        await store.abandon_temporal(namespace_id)
