"""The promises of checkpoints, as a test suite that ships: subclass `CheckpointsConformance`. It needs pytest."""

from .suite import CheckpointsConformance

__all__ = ["CheckpointsConformance"]
