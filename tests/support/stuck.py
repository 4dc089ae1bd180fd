"""What a test that never ends waits for: its name, the coroutines of each task, and the threads."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import inspect
import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TextIO


@contextmanager
def ended_after(seconds: float, what: str, loop: asyncio.AbstractEventLoop | None, told: Path) -> Generator[None]:
    """The process ends when the block takes longer, and `told` says where it stood."""
    timer = threading.Timer(seconds, _end, (what, loop, told))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(what: str, loop: asyncio.AbstractEventLoop | None, told: Path) -> None:
    try:
        told.parent.mkdir(exist_ok=True)
        with told.open("a") as file:  # stderr is captured, and lost with the process
            print(f"\n{what}", file=file, flush=True)
            faulthandler.dump_traceback(file)
            if loop is not None:
                tell_tasks(loop, file)
    finally:
        os._exit(1)


def tell_tasks(loop: asyncio.AbstractEventLoop, file: TextIO) -> None:
    """Of each task, where it waits: from the coroutine that it runs to the innermost one."""
    for task in asyncio.all_tasks(loop):
        print(f"\n{task.get_name()}:", file=file)
        for frame in filter(None, _frames(task.get_coro())):
            print(f"  {frame.f_code.co_qualname}, {frame.f_code.co_filename}:{frame.f_lineno}", file=file)


def _frames(waits: Any) -> Iterator[FrameType | None]:
    while waits is not None:
        if inspect.iscoroutine(waits):
            yield waits.cr_frame
            waits = waits.cr_await
        elif inspect.isasyncgen(waits):
            yield waits.ag_frame
            waits = waits.ag_await
        else:  # a step of an asynchronous generator does not say whose it is; all else has no frame
            waits = next(filter(inspect.isasyncgen, gc.get_referents(waits)), None)
