"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` when a known name resembles `name`, else nothing."""
    matches = get_close_matches(name, list(known), n=1)
    return f" (did you mean {str(matches[0])!r}?)" if matches else ""
