"""Why a run failed, as the API says it."""

from __future__ import annotations

from typing import Any

from ..contracts.types import RunError


def failure(error: RunError | None) -> dict[str, Any] | None:
    """The exception's class, without its module, and its message."""
    return None if error is None else {"error": error.type.rpartition(".")[2], "message": error.message}
