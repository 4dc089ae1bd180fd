"""Suspects: runs that have lost several workers in a row. In each worker they take turns.

When a worker dies, it takes all of its runs with it, and Temporal cannot say which of them it was. A run with a slow
superstep would be found guilty beside one that kills its workers. So from half of the allowed takeovers on a run waits
for its turn, durably marked as waiting: what dies meanwhile is no fault of its own, and in its turn it gets on.

A turn is bounded: a suspect may be slow, or may itself wait for another run, which waits for its turn here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager

from temporalio import activity

from ...contracts.types import RunTrouble
from ...contracts.wire import ERROR_WORKER_SHUTDOWN, SliceInput
from ...store.note_contract import RunNoteStore
from ..attempt.failures import MachineFailure
from ..attempt.heartbeat import Say

_LONGEST_TURN = 300.0
"""Seconds. Who has not killed its worker by then is no reason for others to wait any longer."""
_TAKEN = "TurnTaken"
_PATIENCE = 15.0
"""Seconds to wait where `step_timeout` is set: Temporal counts them as its superstep's, of which it allows 30 more."""


def waits_from(limit: int | None) -> int | None:
    """The number of lost workers from which on a run that may lose `limit`, beyond the first, has to take turns."""
    return None if limit is None else limit // 2 + 1


class Suspects:
    """The turns in one worker."""

    def __init__(self, store: RunNoteStore) -> None:
        self._store = store
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(
        self, slice: SliceInput, trouble: RunTrouble | None, *, fence: int, say: Say
    ) -> AsyncGenerator[None]:
        """The block executes the run: at once, or a suspect when no other one executes here."""
        if trouble is None or not trouble.waiting:
            yield
            return
        say("waits for its turn: it has lost workers, or was beside a run that has")
        await self._acquire(None if slice.limits.step_timeout is None else _PATIENCE)
        with ExitStack() as held:  # which is closed once: at the end of the turn, or when it has lasted too long
            held.callback(self._turn.release)
            later = asyncio.get_running_loop().call_later(_LONGEST_TURN, held.close)
            held.callback(later.cancel)
            await self._store.begin_turn(slice.run_id, fence=fence)
            say(None)
            yield

    async def _acquire(self, limit: float | None) -> None:
        acquiring = asyncio.create_task(self._turn.acquire())
        stopping = asyncio.create_task(activity.wait_for_worker_shutdown())
        try:
            await asyncio.wait({acquiring, stopping}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                raise MachineFailure("the worker shut down before the run had its turn", type=ERROR_WORKER_SHUTDOWN)
            if not acquiring.done():
                raise MachineFailure("another run that has lost workers has its turn; this one waits", type=_TAKEN)
        except BaseException:
            if not acquiring.cancel() and not acquiring.cancelled():
                self._turn.release()
            raise
        finally:
            stopping.cancel()
