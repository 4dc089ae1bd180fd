"""What `import perdure` shows before anything is loaded."""

from __future__ import annotations

import subprocess
import sys

import perdure
from perdure import RunCreateStore, RunDeleteStore, RunEventStore, RunQueryStore, StreamBridge
from perdure.bridge import Bridge
from perdure.store import contract

_SEED = (RunCreateStore, RunDeleteStore, RunEventStore, RunQueryStore)


def test_the_contracts_of_the_back_ends_have_the_names_of_the_seed() -> None:
    assert StreamBridge is Bridge
    assert [getattr(contract, one.__name__) for one in _SEED] == [*_SEED]


def test_dir_and_star_give_every_public_name() -> None:
    code = "import perdure; print(*dir(perdure)); from perdure import *; print(*sorted({*globals()}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    for line in run.stdout.splitlines():
        assert {*perdure.__all__} <= {*line.split()}
