"""What turns texts into vectors, for a store that works on a thread of its own."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .loop_thread import LoopThread

Vectors = list[list[float]]


def embedding(given: Any) -> Any:
    """LangGraph's `embed`; an asynchronous function becomes one that can be called from a thread."""
    asynchronous = inspect.iscoroutinefunction(given) or inspect.iscoroutinefunction(getattr(given, "__call__", None))  # noqa: B004
    return _InOneLoop(given) if asynchronous else given


class _InOneLoop:
    """Always the same event loop: a client keeps connections that belong to the one in which it made them."""

    def __init__(self, function: Callable[[Sequence[str]], Awaitable[Vectors]]) -> None:
        self._function = function
        self._thread = LoopThread("perdure-embedding")

    def __call__(self, texts: Sequence[str]) -> Vectors:
        async def call() -> Vectors:
            return await self._function(texts)

        return self._thread.submit(call()).result()
