"""Waiting for one's turn in a workflow."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow

_LOOKS_AGAIN = "guards-are-looked-at-again"
"""Names what histories of before do not have: there, all that waited went through one guard."""


async def until_free(free: Callable[[], bool]) -> None:
    """Return when `free` is true, in the order of the calls. The caller takes its turn before it awaits anything.

    Temporal's `wait_condition` alone says only that it was true: all that wait are woken in one batch, and the first of
    them may have taken what they waited for.
    """
    await workflow.wait_condition(free)
    while not free() and workflow.patched(_LOOKS_AGAIN):
        await workflow.wait_condition(free)
