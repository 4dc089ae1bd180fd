"""Patience with a back end that is away for a while: the slice waits, and says so in the Temporal UI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ...contracts.errors import UnavailableError
from .heartbeat import Say

logger = logging.getLogger(__name__)

_RETRY_FOR = 30.0
"""Seconds that a back end may be away before the slice is given up, to be taken up again by Temporal's retries."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


async def when_there(write: Callable[[], Awaitable[None]], *, what: str, run_id: str, say: Say) -> None:
    """Write until it succeeds. `what`: the back end's name. Raises `UnavailableError` after half a minute."""
    clock = asyncio.get_running_loop().time
    deadline, pause, waited = clock() + _RETRY_FOR, _FIRST_PAUSE, False
    while True:
        try:
            await write()
        except UnavailableError as exc:
            if clock() > deadline:
                raise
            if not waited:
                logger.warning("run %s waits for its %s: %s", run_id, what, exc)
            say(f"waits for its {what}: {exc}")
            waited = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            break
    if waited:
        say(None)
