"""The exact form of what checkpoints promise: tests that every back end passes, ours and yours.

Subclass `CheckpointsConformance` in a test module, with pytest-asyncio in its auto mode and one fixture, started and
empty:

    class TestMyCheckpoints(CheckpointsConformance):
        @pytest.fixture
        async def checkpoints(self): ...

What is compared after a rollback is what LangGraph reads; a back end's own rows are for its own tests to compare.
"""

from .copies import CopyPromises
from .fences import FencePromises
from .making import CheckpointsFixtures
from .prunes import PrunePromises
from .rollbacks import RollbackPromises
from .saving import SavingPromises

__all__ = ["CheckpointsConformance"]


class CheckpointsConformance(
    CheckpointsFixtures, FencePromises, SavingPromises, RollbackPromises, CopyPromises, PrunePromises
):
    """All promises."""
