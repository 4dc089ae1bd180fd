"""The table of a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .contract import Trial


@dataclass(slots=True)
class Row:
    """All trials of a fault."""

    fault: str
    trials: int = 0
    faults: int = 0
    runs: int = 0
    violations: int = 0
    silence: float = 0.0

    def add(self, trial: Trial) -> None:
        self.trials += 1
        self.faults += trial.faults
        self.runs += trial.runs
        self.violations += len(trial.violations)
        self.silence = max(self.silence, trial.silence)

    @property
    def counts(self) -> tuple[int, ...]:
        return self.trials, self.faults, self.runs, self.violations


def table(rows: Sequence[Row]) -> str:
    """One line for each fault, and one for all of them."""
    total = Row("in all", *(sum(column) for column in zip(*(row.counts for row in rows), strict=True)))
    total.silence = max(row.silence for row in rows)
    heading = f"{'fault':<20}{'trials':>8}{'faults':>8}{'runs':>8}{'longest silence':>18}{'violations':>12}"
    line = "-" * len(heading)
    return "\n".join([heading, line, *_lines(rows), line, *_lines([total])])


def _lines(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        silence = f"{row.silence:.1f} s" if row.silence else "-"
        yield f"{row.fault:<20}{row.trials:>8}{row.faults:>8}{row.runs:>8}{silence:>18}{row.violations:>12}"
