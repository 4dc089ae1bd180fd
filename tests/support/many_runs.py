"""What the benchmarks fill a store with."""

import sys
from pathlib import Path

# At the end: a package there is found before the folder of the tests that has the same name and is none.
sys.path.append(str(Path(__file__).parents[2]))

from benchmarks.many_runs import add_calls, add_copies

__all__ = ["add_calls", "add_copies"]
