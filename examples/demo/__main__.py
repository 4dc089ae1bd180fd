"""`python examples/demo.py`: the demo from start to end, in about a minute.

`KEEP=1` leaves the server and a worker up; `PERDURE_MODEL=provider:name` (with the provider's key in the environment)
lets a real model do the research. The exit code is 0 only if everything held.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

# The demo is started by its path, as part of no package.
if (root := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(root)

FAILED = 1
INTERRUPTED = 130
"""As a shell reports Ctrl-C."""


def main() -> int:
    """Run the demo; the exit code."""
    print("Perdure: a long agent job survives the kill of its worker, and another one is cancelled", flush=True)
    try:
        return _demo()
    except KeyboardInterrupt:
        print("\ninterrupted; no process of the demo is left", flush=True)
        return INTERRUPTED


def _demo() -> int:
    # Here, because it takes a second or two, and nobody should look at nothing, or at a traceback after Ctrl-C.
    from examples.demo.place import prepare
    from examples.demo.processes import DemoError, Processes
    from examples.demo.report import next_steps, report
    from examples.demo.screen import Screen
    from examples.demo.story import Story
    from perdure import PerdureError

    screen = Screen()
    keep = os.environ.get("KEEP", "0") not in ("", "0")
    try:
        with Processes() as processes:
            place = prepare()
            killed, cancelled = asyncio.run(Story(screen, processes, place).tell())
            held = report(screen, killed, cancelled)
            left = processes.release() if keep and held else []
    except (DemoError, PerdureError) as exc:
        screen.shout(f"the demo failed: {exc}")
        return FAILED
    if not held:
        screen.shout("the demo failed: what is marked with ✗ above does not hold")
        return FAILED
    next_steps(screen, place, killed, left=left)
    return 0


sys.exit(main())
