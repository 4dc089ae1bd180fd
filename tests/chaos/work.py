"""What the nodes of a random graph have really done, as they noted it themselves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """A node began, ended or was cut."""

    at: float
    """Seconds of the monotonic clock, which all processes of a machine share."""
    what: str
    ns: str
    """`node:task`, behind those of the graphs around it."""
    step: int
    pid: int

    @property
    def begins(self) -> bool:
        """Whether it is the beginning of an execution."""
        return self.what == "begin"

    @property
    def place(self) -> str:
        """The node, with those of the graphs around it."""
        return "|".join(part.partition(":")[0] for part in self.ns.split("|"))

    @property
    def graph(self) -> str:
        """One execution of the graph that the node stands in."""
        return self.ns.rpartition("|")[0]

    @property
    def tasks(self) -> list[str]:
        """The ids of the node's task and of those around it."""
        return [part.partition(":")[2] for part in self.ns.split("|")]


def read_work(effects: Path) -> list[Line]:
    """Every whole line so far, in the order in which it happened."""
    text = effects.read_text() if effects.exists() else ""
    return [Line(**json.loads(line)) for line in text.splitlines()]


def repeated(lines: Sequence[Line], finished: Mapping[str, float]) -> list[str]:
    """Work that was done again although it was complete.

    A superstep is complete when the next one of its graph begins; a task when its result was published. `finished`:
    when a reader had the result of a task.
    """
    newest: dict[str, int] = {}
    found: list[str] = []
    for line in (line for line in lines if line.begins):
        if line.step < newest.get(line.graph, line.step):
            found.append(f"superstep {line.step} again after {newest[line.graph]}: {line}")
        newest[line.graph] = max(newest.get(line.graph, line.step), line.step)
        found += [f"task {task} again: {line}" for task in line.tasks if line.at > finished.get(task, line.at)]
    return found


def incomplete(lines: Sequence[Line], expected: Sequence[Line], *, cut: bool) -> list[str]:
    """What was never executed; and what was executed too often, if the run was never cut."""
    lines, expected = [line for line in lines if line.begins], [line for line in expected if line.begins]
    found = [f"never executed: {place} in superstep {step}" for place, step in _tasks(expected) - _tasks(lines)]
    if not cut:
        extra = _count(lines) - _count(expected)
        found += [f"executed too often: {place} in superstep {step}" for place, step in extra]
    return found


def _tasks(lines: Sequence[Line]) -> Counter[tuple[str, int]]:
    """Each task once, however often it was tried."""
    return _count({line.ns: line for line in lines}.values())


def _count(lines: Iterable[Line]) -> Counter[tuple[str, int]]:
    return Counter((line.place, line.step) for line in lines)
