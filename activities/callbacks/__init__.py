"""What a graph's callbacks tell of its model calls, tools and custom events, on its way to the store."""

from __future__ import annotations

from .handler import EventCallbacks
from .recorder import EventRecorder
from .saves import RecordedSaves

__all__ = ["EventCallbacks", "EventRecorder", "RecordedSaves"]
