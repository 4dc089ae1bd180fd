"""What was found out about one part of an installation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Literal

from temporalio.service import RPCError

from ..contracts.errors import PerdureError
from ..contracts.types import Frozen

LIMIT = 15.0
"""Seconds that one check may take: longer than each part waits for a lock or a connection of its own."""

Level = Literal["ok", "warn", "fail"]


class Check(Frozen):
    """What was found out about one part."""

    name: str
    level: Level
    detail: str
    advice: str | None = None
    """What to do."""
    service: bool = False
    """About a process that has to run (Temporal, a worker), not about this machine's files and settings."""


async def bounded(name: str, check: Awaitable[Check], *, service: bool = False) -> Check:
    """The check; one that raises or hangs has failed."""
    try:
        async with asyncio.timeout(LIMIT):
            return await check
    except TimeoutError:
        detail = f"no answer within {LIMIT:g} s"
    except (PerdureError, OSError, RPCError, RuntimeError) as exc:
        detail = str(exc) or type(exc).__name__
    return Check(name=name, level="fail", detail=detail, service=service)
