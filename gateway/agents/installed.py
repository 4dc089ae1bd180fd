"""The libraries of the protocols, which are extras: whoever does not speak one needs none."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from ..errors import refuse


@contextmanager
def needs(protocol: str, extra: str, library: str) -> Generator[None]:
    """Around the imports that need it. Raises 404, with what to install."""
    try:
        yield
    except ImportError as exc:
        if (exc.name or "").partition(".")[0] != library:
            raise
        raise refuse(404, f"{protocol} is not served: install perdure[{extra}] where the gateway runs") from exc
