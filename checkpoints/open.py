"""From a URL to checkpoints."""

from __future__ import annotations

from pathlib import Path

from ..contracts.errors import ConfigError
from .contract import Checkpoints


def open_checkpoints(url: str) -> Checkpoints:
    """The checkpoints at `sqlite:///file` or `memory://`, not yet started. Raises `ConfigError`."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from .sqlite.checkpoints import SqliteCheckpoints

        return SqliteCheckpoints(Path(rest[1:]))
    if scheme == "memory":
        from .memory.checkpoints import MemoryCheckpoints

        return MemoryCheckpoints()
    raise ConfigError(f"checkpointer.url: {url!r} is neither sqlite:///file nor memory://")
