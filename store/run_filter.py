"""Which runs a list shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..contracts.filters import Filter
from ..contracts.types import RunStatus


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Those that have all of this; what is left out is not asked for."""

    statuses: Sequence[RunStatus] = ()
    """One of these."""
    assistant_id: str | None = None
    since: datetime | None = None
    """Created then or later; with a time zone."""
    until: datetime | None = None
    """Created before that."""
    matching: Filter | None = None
    """What the metadata of their threads have to be."""


ALL_RUNS = RunFilter()
