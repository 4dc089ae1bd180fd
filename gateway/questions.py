"""What a graph asks, without the breakpoints, which are no questions here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..contracts.types import RunInterrupt


def questions(interrupts: Iterable[RunInterrupt]) -> list[RunInterrupt]:
    """Those that wait for an answer."""
    return [one for one in interrupts if not _is_breakpoint(one)]


def shown_interrupt(interrupt: RunInterrupt) -> dict[str, Any]:
    """A question."""
    return {"id": interrupt.id, "value": interrupt.value}


def _is_breakpoint(one: RunInterrupt) -> bool:
    # Its id is that of a checkpoint, a UUID; a question's has no dashes.
    return "-" in one.id and isinstance(one.value, Mapping) and [*one.value] == ["breakpoint"]
