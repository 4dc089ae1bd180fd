"""The event stream and the stop channel of each run."""

from .contract import Bridge, NewEvent, parse_event_id
from .memory import MemoryBridge, MemoryStreams
from .open import open_bridge
from .sqlite import SqliteBridge

__all__ = ["Bridge", "MemoryBridge", "MemoryStreams", "NewEvent", "SqliteBridge", "open_bridge", "parse_event_id"]
