"""From a URL to checkpoints."""

from __future__ import annotations

from pathlib import Path

from ..blocking.postgres_errors import extra_needed
from ..contracts.back_ends import CHECKPOINTERS, not_opened, open_installed
from .contract import Checkpoints

_KNOWN = ("sqlite:///file", "memory://", "postgresql://host/database")


def open_checkpoints(url: str) -> Checkpoints:
    """The checkpoints at `sqlite:///file`, `memory://` or `postgresql://…`, not yet started. Raises `ConfigError`.

    Another scheme is that of an installed distribution (`contracts/back_ends.py`).
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from .sqlite.checkpoints import SqliteCheckpoints

        return SqliteCheckpoints(Path(rest[1:]))
    if scheme == "memory":
        from .memory.checkpoints import MemoryCheckpoints

        return MemoryCheckpoints()
    if scheme == "postgresql":
        with extra_needed("checkpointer.url"):
            from .postgres.checkpoints import PostgresCheckpoints
        return PostgresCheckpoints(url)
    if (checkpoints := open_installed(CHECKPOINTERS, url, "checkpointer.url", Checkpoints)) is not None:
        return checkpoints
    raise not_opened("checkpointer.url", url, _KNOWN, CHECKPOINTERS)
