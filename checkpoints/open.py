"""From a URL to checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..blocking.postgres_errors import extra_needed
from ..contracts.back_ends import CHECKPOINTERS, not_opened, open_installed
from ..contracts.keyring import Keyring
from .contract import Checkpoints

_KNOWN = ("sqlite:///file", "memory://", "postgresql://host/database")


def open_checkpoints(url: str, *, keyring: Keyring | None = None) -> Checkpoints:
    """The checkpoints at `sqlite:///file`, `memory://` or `postgresql://…`, not yet started. Raises `ConfigError`.

    `keyring`: seals what is kept; memory has no use for it. Another scheme is that of an installed distribution
    (`contracts/back_ends.py`), whose factory is given `keyring`, if there is one.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from .sqlite.checkpoints import SqliteCheckpoints

        return SqliteCheckpoints(Path(rest[1:]), keyring=keyring)
    if scheme == "memory":
        from .memory.checkpoints import MemoryCheckpoints

        return MemoryCheckpoints()
    if scheme == "postgresql":
        with extra_needed("checkpointer.url"):
            from .postgres.checkpoints import PostgresCheckpoints
        return PostgresCheckpoints(url, keyring=keyring)
    options: dict[str, Any] = {} if keyring is None else {"keyring": keyring}
    if (checkpoints := open_installed(CHECKPOINTERS, url, "checkpointer.url", Checkpoints, **options)) is not None:
        return checkpoints
    raise not_opened("checkpointer.url", url, _KNOWN, CHECKPOINTERS)
