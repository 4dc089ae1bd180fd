"""What tests of several rooms share."""

from __future__ import annotations

import os
import sys

# Else each of the hundreds of processes that the tests start would compile the package and its libraries anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
