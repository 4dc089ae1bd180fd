"""The exact form of a store's promises: tests that every back end passes, ours and yours.

Subclass `StoreConformance` in a test module, with pytest-asyncio in its auto mode and one fixture, started and new:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        async def store(self): ...

What a back end does when its disk is full or its processes die is its own, and no part of this.
"""

from .aging import AgingPromises
from .api_keys import ApiKeyPromises
from .assistants import AssistantPromises
from .at_once import AtOncePromises
from .claims import ClaimPromises
from .crons import CronPromises
from .drafts import DraftPromises
from .exchange import ExchangePromises
from .lifecycle_events import LifecyclePromises
from .making import StoreFixtures
from .progress import ProgressPromises
from .queries import QueryPromises
from .run_events import RunEventPromises
from .stories import StoryPromises
from .thread_search import ThreadSearchPromises
from .threads import ThreadPromises
from .trouble import TroublePromises
from .unended import HousekeepingPromises

__all__ = ["StoreConformance"]


class StoreConformance(
    StoreFixtures,
    DraftPromises,
    ClaimPromises,
    ProgressPromises,
    QueryPromises,
    LifecyclePromises,
    RunEventPromises,
    StoryPromises,
    ExchangePromises,
    TroublePromises,
    HousekeepingPromises,
    AgingPromises,
    ThreadPromises,
    AssistantPromises,
    CronPromises,
    ApiKeyPromises,
    ThreadSearchPromises,
    AtOncePromises,
):
    """All promises."""
