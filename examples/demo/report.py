"""What the demo says at its end: what was checked, what happened in numbers, and what to try next."""

from __future__ import annotations

import os
import sysconfig
from datetime import timedelta
from pathlib import Path

from rich import box
from rich.table import Table

from examples.demo.evidence import Check, Evidence, checks_of_cancelled, checks_of_survivor
from examples.demo.place import HEARTBEAT_TIMEOUT, Place
from examples.demo.processes import Process
from examples.demo.screen import Screen


def report(screen: Screen, killed: Evidence, cancelled: Evidence) -> bool:
    """Show what was checked and what happened; whether everything held."""
    screen.heading("4 · what happened")
    first, second = checks_of_survivor(killed), checks_of_cancelled(cancelled)
    _show(screen, "the run whose worker was killed:", first)
    _show(screen, "the run that was cancelled:", second)
    screen.console.print(_table(killed, cancelled))
    return all(check.holds for check in (*first, *second))


def _show(screen: Screen, title: str, checks: list[Check]) -> None:
    screen.say(title)
    for check in checks:
        screen.say(f"  {'✓' if check.holds else '✗ NOT SO:'} {check.claim}", "green" if check.holds else "bold red")


def _table(killed: Evidence, cancelled: Evidence) -> Table:
    table = Table("", "worker killed", "cancelled", box=box.SIMPLE, title_justify="left")
    runs = (killed, cancelled)
    rows = [
        ("status", [str(run.record.status) for run in runs]),
        ("supersteps completed", [str(run.record.steps) for run in runs]),
        ("completed supersteps that ran twice", [str(run.repeats) for run in runs]),
        ("attempts", [str(run.record.attempt) for run in runs]),
        (
            f"time lost to the crash ({HEARTBEAT_TIMEOUT:g} s to notice, a worker's start)",
            [_seconds(run.lost) for run in runs],
        ),
        ("tokens of the cut superstep, void", [str(run.facts.void) for run in runs]),
        ("signal taken by Temporal → terminal event", [_milliseconds(run.stopped_in) for run in runs]),
        ("events streamed", [str(len(run.facts.events)) for run in runs]),
        ("history events of the workflow", [str(len(run.history.events)) for run in runs]),
        ("time in all", [_seconds(run.facts.last_at - run.record.created_at) for run in runs]),
    ]
    for name, cells in rows:
        table.add_row(name, *cells)
    return table


def _seconds(time: timedelta | None) -> str:
    return "–" if time is None else f"{time.total_seconds():.1f} s"


def _milliseconds(time: timedelta | None) -> str:
    return "–" if time is None else f"{time.total_seconds() * 1000:.0f} ms"


def next_steps(screen: Screen, place: Place, killed: Evidence, *, left: list[Process]) -> None:
    """What is left, where to look, and what to try. `left`: the processes that stay up."""
    if left:
        screen.heading("still up: " + " and ".join(f"{process.name} (process {process.pid})" for process in left))
        screen.say(f"stop them:    kill {' '.join(str(process.pid) for process in left)}")
    else:
        screen.heading("nothing of the demo runs any more; what it wrote is in " + _short(place.home))
    _commands(screen, "look at it:", _to_look(place, killed.record.run_id, up=bool(left)))
    _commands(screen, "your own runs:", _to_try())


def _to_look(place: Place, run_id: str, *, up: bool) -> list[tuple[str, str]]:
    perdure, config = _script("perdure"), _short(place.config)
    page = f"{place.ui}/namespaces/default/workflows/run-{run_id}"
    commands = [
        (f"{perdure} runs --config {config}", "the runs of this demo"),
        (f"{perdure} stream {run_id} --config {config}", "the first one's stream once more"),
    ]
    if up:
        return [
            *commands,
            (f"{_script('temporal')} workflow list --address {place.address}", ""),
            (page, "Temporal UI"),
        ]
    again = (f"{perdure} dev --config {config}", "server, UI and a worker again (at once: make demo KEEP=1)")
    return [*commands, again, (page, "Temporal UI, then")]


def _to_try() -> list[tuple[str, str]]:
    perdure = _script("perdure")
    question = """'{"messages": [["user", "What is a fencing token?"]]}'"""
    return [
        (f"{perdure} dev", "server, UI and a worker, until Ctrl-C"),
        (f"{perdure} run research --input {question}", "in another terminal"),
        (f"{perdure} runs", ""),
        (f"{_script('temporal')} workflow list", ""),
        (f"{perdure} --help", ""),
    ]


def _commands(screen: Screen, title: str, commands: list[tuple[str, str]]) -> None:
    screen.say(f"\n{title}")
    for command, purpose in commands:
        screen.say(f"  {command}" + (f"    # {purpose}" if purpose else ""))


def _script(name: str) -> str:
    return _short(Path(sysconfig.get_path("scripts")) / name)


def _short(path: Path) -> str:
    """Relative to the working folder, where the commands will be typed."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
