"""When something was said. Streams keep no times, but ids do: those of checkpoints, and those of model calls.

So an event has the same time whenever it is read: that of the newest such id before it.
"""

from __future__ import annotations

import uuid
from datetime import datetime

_GREGORIAN = 0x01B21DD213814000
"""100 ns from the beginning of the Gregorian calendar to that of 1970."""
_MODEL_CALL = "lc_run--"


def milliseconds(at: datetime) -> int:
    """Since 1970."""
    return int(at.timestamp() * 1000)


def moment_of(id: str) -> int | None:
    """At which an id was made; `None`: it does not say."""
    try:
        found = uuid.UUID(id.removeprefix(_MODEL_CALL))
    except ValueError:
        return None
    if found.version == 7:
        return found.int >> 80
    if found.version == 6:
        return ((found.int >> 80 << 12 | found.int >> 64 & 0xFFF) - _GREGORIAN) // 10_000
    return None
