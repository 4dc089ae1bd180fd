"""Containment: what a graph raises to end its process ends its run, and nothing else.

asyncio hands a `SystemExit` or `KeyboardInterrupt` of any task on through the event loop, so one `sys.exit()` in a tool
would end the worker, and the next one that picks the run up. Tasks are made in many places (LangGraph's runner,
`asyncio.gather` in a tool node, a user's own code), so it is held back where each of them begins: in the loop's task
factory, for the tasks that are made within `contained()`. The others are as they were.
"""

from __future__ import annotations

import asyncio
from asyncio import runners
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from types import TracebackType
from typing import Any, cast

_EXITS = (SystemExit, KeyboardInterrupt)
_OF_TASKS = (*_EXITS, GeneratorExit)
"""A task that is closed before its end gets a `GeneratorExit`, too, but not by `send` or `throw`."""
_within: ContextVar[bool] = ContextVar("perdure_contained", default=False)
"""Tasks inherit it from those who make them."""


class ContainedExit(BaseException):
    """Stands for a `SystemExit`, `KeyboardInterrupt` or `GeneratorExit`, its cause.

    No `Exception`, like what it stands for: no retry policy and no tool may take it for a failure to be mended.
    """

    def __str__(self) -> str:
        return repr(self.__cause__)


@contextmanager
def contained() -> Generator[None]:
    """Inside, and in all tasks made inside, what would end the process is raised as `ContainedExit` instead."""
    _guard(asyncio.get_running_loop())
    token = _within.set(True)
    try:
        yield
    except _EXITS as exc:
        raise _contained(exc) from exc
    finally:
        _within.reset(token)


def _contained(error: BaseException) -> BaseException:
    return error if _is_ctrl_c(error) else ContainedExit()


def _is_ctrl_c(error: BaseException) -> bool:
    """A second Ctrl-C that `asyncio.run` raises wherever the process is: it is meant for the process."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename == runners.__file__


class _Factory:
    """Makes tasks as the loop did before, the contained ones around a `_Guarded`."""

    def __init__(self, before: Callable[..., asyncio.Future[Any]] | None) -> None:
        self._make = before or _task

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Future[Any]:
        context = cast("Context | None", more.get("context"))
        within = _within.get() if context is None else context.get(_within, False)
        return self._make(loop, _Guarded(coro) if within else coro, **more)


def _task(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
    return asyncio.Task(coro, loop=loop, **more)


def _guard(loop: asyncio.AbstractEventLoop) -> None:
    """Idempotent."""
    if not isinstance(before := loop.get_task_factory(), _Factory):
        loop.set_task_factory(cast("Any", _Factory(before)))


class _Guarded(Coroutine[Any, Any, Any]):
    """A coroutine as it is, but for what would end the process.

    No `async def` around it: that would leave it behind, never awaited, when its task is cancelled before it begins.
    """

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # `cr_frame` and the like, for those who print tasks
        return getattr(self._inner, name)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()

    def send(self, value: Any) -> Any:
        try:
            return self._inner.send(value)
        except _OF_TASKS as exc:
            raise _contained(exc) from exc

    def throw(self, typ: Any, val: Any = None, tb: TracebackType | None = None) -> Any:
        try:
            return self._inner.throw(typ) if val is None and tb is None else self._inner.throw(typ, val, tb)
        except _OF_TASKS as exc:
            raise _contained(exc) from exc

    def close(self) -> None:
        self._inner.close()
