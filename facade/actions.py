"""How a run is cancelled, by name."""

from __future__ import annotations

from ..contracts.errors import InvalidRunError, nearest
from ..contracts.types import CancelAction


def check_action(action: str | CancelAction) -> CancelAction:
    """A cancel action by name. Raises `InvalidRunError`."""
    try:
        return CancelAction(action)
    except ValueError:
        allowed = ", ".join(CancelAction)
        raise InvalidRunError(
            f"unknown cancel action {action!r}{nearest(action, CancelAction)}; allowed: {allowed}"
        ) from None
