"""How much memory this process has, and whether that is more than it is to keep graphs in."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

_STATM = Path("/proc/self/statm")
_EVERY = 0.5
"""Seconds between two looks: a graph that begins to wait need not know it more exactly."""


def resident() -> int:
    """Bytes of this process in memory. Where the system does not tell (no `/proc`): the most that it has had."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


class MemoryBound:
    """`most`: bytes; `None` is no bound."""

    def __init__(self, most: int | None, measure: Callable[[], int] = resident) -> None:
        self._most = most
        self._measure = measure
        self._looked = float("-inf")
        self._exceeded = False

    @property
    def exceeded(self) -> bool:
        """Whether the process has more than that, or had a moment ago."""
        if self._most is not None and time.monotonic() - self._looked >= _EVERY:
            self._looked, self._exceeded = time.monotonic(), self._measure() > self._most
        return self._exceeded
