"""The event stream and the stop channel of each run, and whether its client is there."""

from .contract import KEY_ONLY, Bridge, NewEvent, StreamBridge, StreamSize, parse_event_id
from .memory.bridge import MemoryBridge, MemoryStreams
from .open import open_bridge
from .sqlite.bridge import SqliteBridge

__all__ = [
    "KEY_ONLY",
    "Bridge",
    "MemoryBridge",
    "MemoryStreams",
    "NewEvent",
    "SqliteBridge",
    "StreamBridge",
    "StreamSize",
    "open_bridge",
    "parse_event_id",
]
