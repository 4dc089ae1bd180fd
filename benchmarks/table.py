"""The table that `make bench` prints."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from .figures import OURS, SYSTEMS, Figure, Goal, Row
from .results import Results, losses


def show(results: Results, console: Console) -> None:
    """The figures, what lies beside them, and where we lose."""
    console.print(_table(results))
    for row in results.rows:
        for name, value in row.notes.items():
            console.print(f"{row.what} · {name}: {value:,}")
    for peer in results.not_installed:
        console.print(f"{peer}: not installed (`make bench` installs it)")
    console.print("\nWhere we lose:" if (lost := losses(results.rows)) else "\nWe lose nowhere.")
    for sentence in lost:
        console.print(f"  {sentence}")


def _table(results: Results) -> Table:
    table = Table("what", "unit", OURS, "p99", "n", *SYSTEMS[1:], "goals", expand=True)
    for row in results.rows:
        own = row.figures[OURS]
        peers = [_peer(row, peer) for peer in SYSTEMS[1:]]
        goals = "\n".join(map(_goal, row.goals))
        table.add_row(row.what, row.unit, number(own.median), number(own.p99), str(own.n), *peers, goals)
    return table


def _peer(row: Row, peer: str) -> str:
    figure: Figure | None = row.figures.get(peer)
    if figure is None:
        return ""
    ratio = row.ratio(peer)
    return number(figure.median) if ratio is None else f"{number(figure.median)}\n(ours {ratio:.2f} ×)"


def _goal(goal: Goal) -> str:
    mark = {True: "✓", False: "✗", None: "?"}[goal.met]
    return f"{mark} {goal.text}"


def number(value: float) -> str:
    """Three digits, and all those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
