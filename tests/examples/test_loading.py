"""The example graphs load by path, in a process that knows nothing of this repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The module is not put into `sys.modules`: a graph must not need that to find its own types.
LOAD_ALL = """
import importlib.util, json, sys
from pathlib import Path

root = Path(sys.argv[1])
for name, target in json.loads((root / "langgraph.json").read_text())["graphs"].items():
    path, _, attribute = target.rpartition(":")
    spec = importlib.util.spec_from_file_location("graph_" + name, root / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    print(name, getattr(module, attribute).name)
print("perdure", any(module.partition(".")[0] == "perdure" for module in sys.modules))
"""


def test_graphs_load_by_path_beside_modules_of_the_same_names(tmp_path: Path) -> None:
    for module in (ROOT / "examples" / "research").glob("*.py"):
        (tmp_path / module.name).write_text("raise ImportError('a module of another project')")
    names = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    command = [sys.executable, "-c", LOAD_ALL, str(ROOT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [*(f"{name} {name}" for name in names), "perdure False"]
