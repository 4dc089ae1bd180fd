"""What a graph's callbacks tell of its model calls, tools and custom events, on its way to the store."""

from __future__ import annotations

from .callbacks import EventCallbacks
from .recorded_saves import RecordedSaves
from .recorder import EventRecorder

__all__ = ["EventCallbacks", "EventRecorder", "RecordedSaves"]
