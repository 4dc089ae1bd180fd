"""How a run ended, as the body of an answer that may take long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, cast

from ..contracts.langgraph_names import ERROR, INTERRUPT
from ..contracts.types import RunStatus, WaitResult
from .failures import failure
from .questions import questions
from .replies import encode


async def padded(wait: Callable[[], Coroutine[Any, Any, WaitResult]], interval: float) -> AsyncGenerator[bytes]:
    """The body; a newline, which JSON does not mind, for each interval (seconds) until then."""
    result = asyncio.create_task(wait())
    try:
        while not (await asyncio.wait({result}, timeout=interval))[0]:
            yield b"\n"
        yield encode(body_of(result.result()))
    finally:
        result.cancel()


def body_of(result: WaitResult) -> Any:
    """The values of the state; what was asked, or why the run failed."""
    if result.status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        return {ERROR: failure(result.error) or {"error": "TimeoutError", "message": "the run took too long"}}
    asked = [{"value": one.value, "id": one.id, "response_schema": None} for one in questions(result.interrupts)]
    if not asked:
        return result.values
    values = cast("dict[str, Any]", result.values) if isinstance(result.values, dict) else dict[str, Any]()
    return {**values, INTERRUPT: asked}
