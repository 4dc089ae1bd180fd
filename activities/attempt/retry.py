"""Patience with a back end that is away for a while: the slice waits, and says so in the Temporal UI."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ...contracts.errors import UnavailableError
from ...contracts.retry import Retry, is_a, retried
from .heartbeat import Say

T = TypeVar("T")

logger = logging.getLogger(__name__)

_RETRY_FOR = 30.0
"""Seconds that a back end may be away before the slice is given up, to be taken up again by Temporal's retries."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
"""Seconds: a locked file is free again in some ms, a restarted database in some seconds."""


async def when_there(call: Callable[[], Awaitable[T]], *, what: str, run_id: str, say: Say) -> T:
    """Call until it succeeds. `what`: the back end's name. Raises `UnavailableError` after half a minute."""
    waited = False

    def tell(failure: Exception) -> None:
        nonlocal waited
        if not waited:
            logger.warning("run %s waits for its %s: %s", run_id, what, failure)
        say(f"waits for its {what}: {failure}")
        waited = True

    until = time.monotonic() + _RETRY_FOR
    pauses = Retry(
        when=is_a(UnavailableError), until=until, pause=_FIRST_PAUSE, longest_pause=_LONGEST_PAUSE, tell=tell
    )
    answer = await retried(call, pauses)
    if waited:
        say(None)
    return answer
