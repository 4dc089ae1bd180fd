"""Where it is told that something of a run has changed: a channel of its own for each, so that nobody hears of others.

A channel's name has less than 64 bytes, so it is a hash.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from ..watches import Subject


@lru_cache(maxsize=10_000)
def channel_of(subject: Subject) -> str:
    """For `LISTEN`, without quotes."""
    run_id, topic = subject
    return f"perdure_{topic.value}_{blake2b(run_id.encode(), digest_size=20).hexdigest()}"
