"""The event loop of a service: it goes on when something in it wants to end the process."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


def serve(working: Coroutine[Any, Any, T]) -> T:
    """Run to its end.

    What a graph raises in its own tasks is contained (`contracts/containment.py`). But a callback of the event loop,
    or a task that is no part of a run, may raise `SystemExit` as well. It leaves the loop, which is none the worse for
    it: to stop there would leave the worker neither serving nor gone.
    """
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(working)
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt) as exc:
                if task.done() or _is_ctrl_c(exc):
                    raise
                logger.exception("something in the event loop wanted to end the process; it is ignored")


def _is_ctrl_c(error: BaseException) -> bool:
    """Before the service has taken the signals over (`stopping`), Ctrl-C is raised."""
    return isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is signal.default_int_handler
