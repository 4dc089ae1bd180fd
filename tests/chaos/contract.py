"""What a fault is: something that goes wrong, and how one tries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from .stage import Stage

RUNS = 6
_SHOWN = 4


@dataclass(slots=True)
class Trial:
    """One trial of one fault, and what became of it."""

    name: str
    """Unique in a session."""
    seed: str
    folder: Path
    size: int = RUNS
    """How many runs go at the same time."""
    most: int = 3
    """How often something is broken, at the most."""
    faults: int = 0
    """How often something was broken."""
    runs: int = 0
    silence: float = 0.0
    """The longest time, in seconds, in which a run that went on published nothing."""
    violations: list[str] = field(default_factory=list[str])
    """Of promises; each names its run."""

    @property
    def moments(self) -> Random:
        """Chance, from the beginning: the same seed chooses the same."""
        return Random(self.seed)

    def blame(self, run: str, wrong: list[str]) -> None:
        """Keep what is wrong with a run, the first of it in words."""
        if wrong:
            more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
            self.violations.append("\n        ".join([f"run {run}:", *wrong[:_SHOWN], *more]))


class Fault(Protocol):
    """One kind of trouble."""

    @property
    def name(self) -> str:
        """In words, for the table."""
        ...

    async def play(self, stage: Stage, trial: Trial) -> None:
        """Let runs go, break something, and judge the runs. The stage stands whole before and after."""
        ...
