"""Our back ends keep what checkpoints promise."""

from __future__ import annotations

from perdure.checkpoints.conformance import CheckpointsConformance


class TestOurs(CheckpointsConformance):
    """With the fixture `checkpoints` of the folder, which is one of each."""
