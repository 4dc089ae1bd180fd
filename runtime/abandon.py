"""An operator's word that a Temporal is gone for good."""

from __future__ import annotations

from ..contracts.settings import Settings
from ..store.open import opened_store


async def abandon(settings: Settings, namespace_id: str) -> None:
    """From now on a worker ends the open runs that were submitted to it. Raises `UnavailableError`."""
    async with opened_store(settings.store_url) as store:
        await store.abandon_temporal(namespace_id)
