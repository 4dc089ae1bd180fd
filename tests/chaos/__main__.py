"""`make chaos`: tries every fault in turn until the time is over or Ctrl-C, then prints the table."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from support.back_ends import BACK_ENDS, SQLITE

from .contract import RUNS, Fault, Trial
from .faults import faults_of
from .report import Row, table
from .stage import Stage, stage


class Session:
    """The trials so far."""

    def __init__(self, chosen: argparse.Namespace, faults: Sequence[Fault], folder: Path) -> None:
        self._faults = faults
        self._seed: str = chosen.seed
        self._folder = folder
        self._keep: bool = chosen.keep
        self._size: int = chosen.runs
        self._back_ends: str = chosen.back_ends
        self._rows = {fault.name: Row(fault.name) for fault in faults}

    @property
    def violated(self) -> bool:
        """Whether any promise was broken."""
        return any(row.violations for row in self._rows.values())

    @property
    def table(self) -> str:
        return table([*self._rows.values()])

    async def run(self, seconds: float) -> None:
        """One fault after the other. A trial that has begun ends."""
        async with stage(self._folder, back_ends=self._back_ends) as opened:
            over = time.monotonic() + seconds
            for number, fault in enumerate(itertools.cycle(self._faults)):
                if time.monotonic() > over:
                    return
                await self._try(fault, opened, number)

    async def _try(self, fault: Fault, opened: Stage, number: int) -> None:
        folder = self._folder / f"trial-{number}"
        folder.mkdir()
        trial = Trial(f"{number}", f"{self._seed}/{number}", folder, size=self._size)
        began = time.monotonic()
        try:
            await fault.play(opened, trial)
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding, and the session goes on
            trial.violations.append(traceback.format_exc())
        trial.violations += await opened.heal()
        self._rows[fault.name].add(trial)
        _say(f"{number:>4}  {fault.name:<20}{trial.faults:>3} faults {time.monotonic() - began:>6.1f} s")
        for violation in trial.violations:
            _say(f"      VIOLATION (seed {trial.seed}) {violation}")
        if not (trial.violations or self._keep):
            shutil.rmtree(folder)


def _faults(back_ends: str, words: Sequence[str]) -> list[Fault]:
    """Those whose name contains one of the words; without words all."""
    return [fault for fault in faults_of(back_ends) if not words or any(word in fault.name for word in words)]


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - it is what one runs this for


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long to go on")
    parser.add_argument("--seed", default=time.strftime("%Y%m%d%H%M%S"), help="chooses graphs and moments")
    parser.add_argument("--keep", action="store_true", help="keep the files of all trials")
    parser.add_argument("--only", default="", help="names of faults, or parts of them, with commas between")
    parser.add_argument("--runs", type=int, default=RUNS, help="how many go at the same time")
    parser.add_argument("--back-ends", choices=BACK_ENDS, default=SQLITE, help="where everything is kept")
    return parser


def main() -> int:
    """The exit code: 1 when a promise was broken."""
    parser = _arguments()
    chosen = parser.parse_args()
    faults = _faults(chosen.back_ends, [word for word in chosen.only.split(",") if word])
    if not faults:
        names = ", ".join(fault.name for fault in faults_of(chosen.back_ends))
        parser.error(f"--only {chosen.only} names none of: {names}")
    folder = Path(tempfile.mkdtemp(prefix="perdure-chaos-"))
    session = Session(chosen, faults, folder)
    _say(f"seed {chosen.seed}, {chosen.seconds:g} s, on {chosen.back_ends}, in {folder}")
    try:
        asyncio.run(session.run(chosen.seconds))
    except KeyboardInterrupt:
        _say("stopped")
    _say(session.table)
    if not (session.violated or chosen.keep):
        shutil.rmtree(folder)
    return 1 if session.violated else 0


if __name__ == "__main__":
    sys.exit(main())
