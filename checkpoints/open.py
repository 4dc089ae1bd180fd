"""From a URL to checkpoints."""

from __future__ import annotations

from pathlib import Path

from ..contracts.back_ends import CHECKPOINTERS, not_opened, open_installed
from .contract import Checkpoints


def open_checkpoints(url: str) -> Checkpoints:
    """The checkpoints at `sqlite:///file` or `memory://`, not yet started. Raises `ConfigError`.

    Another scheme is that of an installed distribution (`contracts/back_ends.py`).
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from .sqlite.checkpoints import SqliteCheckpoints

        return SqliteCheckpoints(Path(rest[1:]))
    if scheme == "memory":
        from .memory.checkpoints import MemoryCheckpoints

        return MemoryCheckpoints()
    if (checkpoints := open_installed(CHECKPOINTERS, url, "checkpointer.url", Checkpoints)) is not None:
        return checkpoints
    raise not_opened("checkpointer.url", url, ("sqlite:///file", "memory://"), CHECKPOINTERS)
