"""Python's garbage collector, in a process that is a worker and nothing else."""

from __future__ import annotations

import gc

_THRESHOLDS = (10_000, 10, 5)
"""Allocations until the young are looked through, how many of those until the older are, and of these until all are.

Python's are 700, 10 and 10. With more than 5, an evicted workflow's memory stays for long, and the looks are longer.
"""


def settle() -> None:
    """Look no more through what is there to stay, and less often through the rest. To be called when all is loaded.

    Each look through everything stops the event loop, and every run with it, for 0.3 s and more; with a hundred
    agents that stream tokens that was a fifth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
