"""What a benchmark finds: figures, each with the systems that it was measured for and the goals that it must meet."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

OURS, BARE, FLOOR, PLUGIN, DEV = (
    "perdure",
    "bare LangGraph",
    "Temporal floor",
    "temporalio-langgraph",
    "LangGraph dev server",
)
SYSTEMS = (OURS, BARE, FLOOR, PLUGIN, DEV)
"""Ours, then the peers, in the order of the table."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Many measurements of one thing, in the unit of their row."""

    median: float
    p99: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Of at least one measurement. The p99 of fewer than 100 is the largest."""
        ordered = sorted(values)
        at = min(len(ordered) - 1, int(len(ordered) * 0.99))
        return cls(statistics.median(ordered), ordered[at], len(ordered))


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise about a figure, and what was measured. `measured` is `None` where a peer was not there to compare."""

    text: str
    measured: float | None
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured, for every system that can do it."""

    key: str
    what: str
    unit: str
    figures: Mapping[str, Figure]
    goals: Sequence[Goal] = ()
    better: Literal["less", "more", "neither"] = "less"
    notes: Mapping[str, float] = field(default_factory=dict[str, float])
    """Beside the figures: CPU by process, memory, sizes; each name says its unit."""

    def ratio(self, peer: str) -> float | None:
        """Ours by the peer's median, if both are there."""
        if peer not in self.figures or OURS not in self.figures or not self.figures[peer].median:
            return None
        return self.figures[OURS].median / self.figures[peer].median

    def loses_to(self, peer: str) -> bool:
        """Whether the peer's figure is better than ours."""
        ratio = self.ratio(peer)
        if ratio is None or self.better == "neither":
            return False
        return ratio > 1 if self.better == "less" else ratio < 1


def milliseconds(seconds: Sequence[float]) -> Figure:
    """The figure, in milliseconds, of measurements in seconds."""
    return Figure.of([1000 * one for one in seconds])


def ratio(one: Figure, other: Figure | None) -> float | None:
    """Of two medians; `None` if the other was not measured."""
    return one.median / other.median if other is not None and other.median else None
