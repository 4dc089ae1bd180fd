"""The exact form of a bridge's promises: tests that every back end passes, ours and yours.

Subclass `BridgeConformance` in a test module, with pytest-asyncio in its auto mode and two fixtures, both
started: `bridge`, and `peer`, another handle of the same streams:

    class TestMyBridge(BridgeConformance):
        @pytest.fixture
        async def bridge(self): ...

        @pytest.fixture
        async def peer(self, bridge): ...

Nothing here needs pytest: the tests are methods that can be called with two bridges. What can happen to your back end
(an answer or its newest writes lost, a restart) is done by the attribute `faults`, by default nothing of it:

    faults = MyFaults()  # see perdure.bridge.conformance.Faults
"""

from .leases import LeasePromises
from .lifetime import LifetimePromises
from .losses import LossPromises
from .reading import ReadingPromises
from .stops import StopPromises
from .writing import WritingPromises

__all__ = [
    "BridgeConformance",
    "LeasePromises",
    "LifetimePromises",
    "LossPromises",
    "ReadingPromises",
    "StopPromises",
    "WritingPromises",
]


class BridgeConformance(LifetimePromises, WritingPromises, ReadingPromises, StopPromises, LeasePromises, LossPromises):
    """All promises. Tests may close their handles; closing twice must do no harm."""
