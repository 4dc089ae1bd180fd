"""The benchmarks, run once and quickly for all tests of what is made of their results."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# At the end: a package there is found before this folder, which has the same name and is none.
sys.path.append(str(ROOT))


@dataclass(frozen=True)
class Quick:
    """One `--quick`: what it printed, what it wrote, and the repository's files of results before it."""

    output: str
    json: Path
    before: Mapping[Path, bytes]


def kept() -> dict[Path, bytes]:
    """The files that only a whole run may change."""
    places = [ROOT / "benchmarks/results/latest.json", ROOT / "docs/bench.svg", ROOT / "docs/scale.md"]
    return {place: place.read_bytes() for place in places if place.exists()}


@pytest.fixture(scope="session")
def quick(needs_server: None, tmp_path_factory: pytest.TempPathFactory) -> Quick:
    """Every row that needs no other installation, at sizes of a few."""
    json, before = tmp_path_factory.mktemp("bench") / "quick.json", kept()
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(json)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return Quick(done.stdout, json, before)
