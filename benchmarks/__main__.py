"""`make bench`: measures everything, prints the table, and keeps the results of a whole run."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from . import chart, machine, results, scale, speed, table
from .bench import Bench, Measure
from .figures import OURS, Row
from .ours import installed
from .peers.installed import missing, peers
from .rows import (
    agent,
    api,
    bridges,
    cancels,
    first_event,
    growth,
    page,
    readers,
    recovery,
    run_bytes,
    slow_steps,
    starts,
    supersteps,
    throughput,
    tokens,
    waiting,
)
from .sizes import QUICK, Sizes

_WIDTH = 170
"""Characters of the table where no terminal says how wide it is."""
BESIDE: Mapping[str, Measure] = {
    "first_event": first_event.measure,
    "supersteps": supersteps.measure,
    "slow_steps": slow_steps.measure,
    "throughput": throughput.measure,
    "api": api.measure,
}
"""Measured with the peers running."""
ALONE: Mapping[str, Measure] = {
    "agent": agent.measure,
    "cancels": cancels.measure,
    "bridges": bridges.measure,
    "tokens": tokens.measure,
    "readers": readers.measure,
    "growth": growth.measure,
    "run_bytes": run_bytes.measure,
    "waiting": waiting.measure,
    "starts": starts.measure,
    "recovery": recovery.measure,
}
ASKED_FOR: Mapping[str, Measure] = {"page": page.measure}
"""Measured only when `--only` names them: they need a browser."""


def main() -> int:
    """The exit code: 0, whatever the figures are. A run that fails raises."""
    chosen = _arguments()
    sizes = QUICK if chosen.quick else Sizes()
    if chosen.waiting:
        sizes = replace(sizes, waiting=chosen.waiting)
    if chosen.threads:
        sizes = replace(sizes, api_threads=chosen.threads)
    only = [word for word in chosen.only.split(",") if word]
    # Like Ctrl-C, so that no process is left behind.
    signal.signal(signal.SIGTERM, _interrupt)
    began, load = time.monotonic(), machine.load()
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as folder:
        rows = asyncio.run(measured(Path(folder), sizes, only))
    found = results.Results(
        measured=datetime.now(UTC),
        seconds=round(time.monotonic() - began, 1),
        quick=chosen.quick,
        load_before=load,
        machine=machine.machine(),
        versions=machine.versions(),
        not_installed=missing(),
        rows=rows,
    )
    table.show(found, Console(width=None if sys.stdout.isatty() else _WIDTH))
    if chosen.json:
        results.write(found, chosen.json)
    if not (chosen.quick or only or chosen.waiting or chosen.threads or found.not_installed):
        keep(found)
    return 0


def _interrupt(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


def keep(found: results.Results) -> None:
    """The results, and what is made of them."""
    results.write(found, results.KEPT)
    root = results.HERE.parent
    docs = root / "docs"
    (docs / "bench.svg").write_text(chart.draw(found), "utf-8")
    scale.update(docs / "scale.md", scale.numbers(found))
    for name in speed.DOCUMENTS:
        scale.update(root / name, speed.numbers(found))


async def measured(home: Path, sizes: Sizes, only: Sequence[str]) -> list[Row]:
    """All rows, or those whose module's name contains one of the words."""
    beside, alone = _chosen(BESIDE, only), _chosen(ALONE, only) | _chosen(ASKED_FOR if only else {}, only)
    async with installed(home / "ours") as ours:
        rows: list[Row] = []
        if beside:
            async with peers(home, ours) as running:
                rows += await _each(beside, Bench(ours, running, sizes, home))
        return rows + await _each(alone, Bench(ours, (), sizes, home))


def _chosen(rows: Mapping[str, Measure], only: Sequence[str]) -> dict[str, Measure]:
    return {name: one for name, one in rows.items() if not only or any(word in name for word in only)}


async def _each(rows: Mapping[str, Measure], bench: Bench) -> list[Row]:
    found: list[Row] = []
    for name, measure in rows.items():
        began = time.monotonic()
        measured_rows = await measure(bench)
        print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
        for row in measured_rows:  # a run that is stopped half way has said something
            print(f"    {row.what}: {table.number(row.figures[OURS].median)} {row.unit}", file=sys.stderr, flush=True)
        found += measured_rows
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute: whether all works, not how fast it is")
    parser.add_argument("--only", default="", help="names of modules in rows/, or parts of them, with commas between")
    parser.add_argument("--waiting", type=int, default=0, help="so many waiting runs (the goal's are 10000)")
    parser.add_argument("--threads", type=int, default=0, help="so many threads to read (the goal's: 100000)")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    chosen = parser.parse_args()
    names = [*BESIDE, *ALONE, *ASKED_FOR]
    for word in filter(None, chosen.only.split(",")):
        if not any(word in name for name in names):
            parser.error(f"--only {word}: no row has such a name; there are {', '.join(names)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
