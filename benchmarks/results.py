"""The results of one run of the benchmarks, as they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from .figures import DEV, PLUGIN, Row

HERE = Path(__file__).parent
KEPT = HERE / "results" / "latest.json"
"""Of the last whole run: what the chart and `docs/scale.md` are made from."""


@dataclass(frozen=True)
class Results:
    """Rows, with the versions and the machine that they were measured with."""

    measured: datetime
    seconds: float
    quick: bool
    load_before: float
    """How busy the machine was with other things: figures of a busy one are worth little."""
    machine: dict[str, str | int | float]
    versions: dict[str, str]
    not_installed: list[str]
    rows: list[Row]

    def row(self, key: str) -> Row:
        """Raises `KeyError` for a row that was not measured."""
        found = {row.key: row for row in self.rows}
        return found[key]


_ADAPTER = TypeAdapter(Results)


def write(results: Results, path: Path) -> None:
    """As JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_ADAPTER.dump_json(results, indent=2) + b"\n")


def read(path: Path) -> Results:
    """Raises `OSError` or `ValidationError`."""
    return _ADAPTER.validate_json(path.read_bytes())


def losses(rows: Sequence[Row]) -> list[str]:
    """Where a goal is missed, and where a peer is better than ours: one sentence each.

    Bare LangGraph and the Temporal floor are limits and no peers: nothing that is built on them is faster.
    """
    behind = [
        f"{row.what}: {ratio:.2f} × {peer}"
        for row in rows
        for peer in (PLUGIN, DEV)
        if row.loses_to(peer) and (ratio := row.ratio(peer)) is not None
    ]
    missed = [
        f"{row.what}: the goal {goal.text} is missed ({goal.measured:.3g})"
        for row in rows
        for goal in row.goals
        if goal.met is False
    ]
    return [*missed, *behind]
