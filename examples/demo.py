"""Starts the demo, which is the package beside this file: `python examples/demo.py`."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).with_suffix("")), run_name="__main__")
