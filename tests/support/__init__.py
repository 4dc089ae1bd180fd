"""What tests of several rooms share."""

from __future__ import annotations

import os
import sys

import pytest

# Else each of the hundreds of processes that the tests start would compile the package and its libraries anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The suites that ship are no test modules by their names. This comes before anything of the package is imported.
pytest.register_assert_rewrite(
    "perdure.bridge.conformance", "perdure.checkpoints.conformance", "perdure.store.conformance"
)
