"""A workflow that Temporal cancels ends in good order: what it lives through is not cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def shielded(life: Coroutine[Any, Any, T], cancelled: Callable[[], object]) -> T:
    """`life` to its end. `cancelled` is called for each `temporal workflow cancel`."""
    living = asyncio.create_task(life)
    while True:
        try:
            return await asyncio.shield(living)
        except asyncio.CancelledError:
            if living.cancelled():  # the worker lets go of this workflow
                raise
            cancelled()
