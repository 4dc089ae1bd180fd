"""The exact form of a bridge's promises: tests that every back end passes, ours and yours.

Subclass `BridgeConformance` in a test module, with pytest-asyncio in its auto mode and two fixtures: `bridge`,
which is started, and `peer`, a second connection to the same streams (the same bridge, if there can only be one):

    class TestMyBridge(BridgeConformance):
        @pytest.fixture
        async def bridge(self): ...

        @pytest.fixture
        async def peer(self, bridge): ...

Nothing here needs pytest: the tests are methods that can be called with two bridges.
"""

from .conformance_reading import ReadingPromises
from .conformance_stops import StopPromises
from .conformance_writing import WritingPromises

__all__ = ["BridgeConformance", "ReadingPromises", "StopPromises", "WritingPromises"]


class BridgeConformance(WritingPromises, ReadingPromises, StopPromises):
    """All promises. The tests with only a `bridge` may close it; closing twice must do no harm."""
