"""Answering a run's question at the prompt, where a human sits before both ends of the command."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, TextIO, cast

from ..contracts.errors import InvalidRunError, RunStateError
from .inputs import read_answer

if TYPE_CHECKING:
    from ..facade import RunsFacade
    from .session import Session


async def answered(session: Session, runs: RunsFacade, run_id: str) -> bool:
    """Ask until an answer is taken; False when there is nobody to ask, or the line is empty (the run waits on)."""
    while session.output.live and _is_terminal():
        sys.stdout.write("answer (empty: later) > ")
        sys.stdout.flush()
        line = (await _line()).rstrip("\n")
        if not line:
            return False
        try:
            await runs.resume(run_id, read_answer(line, as_text=False))
        except InvalidRunError as exc:
            session.output.error(exc)
        except RunStateError as exc:  # several questions, or somebody else has answered meanwhile
            session.output.error(exc)
            if "does not wait" in str(exc):
                return True
        else:
            return True
    return False


async def _line() -> str:
    """One line of the terminal. The loop goes on reading it, so that Ctrl-C ends the command at once."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()


def _is_terminal() -> bool:
    stdin = cast("TextIO | None", sys.stdin)
    return stdin is not None and stdin.isatty()
