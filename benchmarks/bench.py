"""What every row is measured with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .figures import Row
from .ours import Ours
from .sizes import Sizes
from .systems import System


@dataclass(frozen=True, slots=True)
class Bench:
    """Ours in any case; `peers` only for the rows that compare, because they cost CPU while they wait."""

    ours: Ours
    peers: Sequence[System]
    sizes: Sizes
    home: Path
    """For files of the row's own."""

    @property
    def systems(self) -> list[System]:
        return [self.ours, *self.peers]


Measure = Callable[[Bench], Awaitable[list[Row]]]
