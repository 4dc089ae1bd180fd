"""Waiting for a run: until its end, or until it asks a human."""

from __future__ import annotations

from contextlib import aclosing

from ..bridge.contract import Bridge
from ..contracts.errors import RunNotFoundError
from ..contracts.types import (
    AWAITING_INPUT_EVENT,
    GAP_EVENT,
    HEARTBEAT_EVENT,
    TERMINAL_EVENTS,
    RunStatus,
    WaitResult,
)
from ..store.contract import RunQueryStore

_SILENCE = 10.0
_LOOK_AT = {*TERMINAL_EVENTS, GAP_EVENT, HEARTBEAT_EVENT}


async def wait_for_run(
    store: RunQueryStore,
    bridge: Bridge,
    run_id: str,
    *,
    last_event_id: str | int | None = None,
    at_questions: bool = True,
) -> WaitResult:
    """How the run stands once it has ended (or, `at_questions`, waits for an answer).

    The stream tells when to look at the record. It is read from where it stands before the first look, so that
    nothing can happen unseen in between; and where it is silent, the record is looked at all the same, for a back end
    may have lost what it would tell. Raises `RunNotFoundError`.
    """
    after = await _last_event_id(bridge, run_id) if last_event_id is None else last_event_id
    result = await store.get_result(run_id)
    if _settled(result.status, at_questions):
        return result
    async with aclosing(bridge.subscribe(run_id, last_event_id=after, heartbeat_interval=_SILENCE)) as events:
        async for event in events:
            if event.event in _LOOK_AT or (at_questions and event.event == AWAITING_INPUT_EVENT):
                result = await store.get_result(run_id)
                if _settled(result.status, at_questions):
                    return result
    # The stream is over, and its end was not among the events: the run had ended before `last_event_id`, say.
    return await store.get_result(run_id)


async def _last_event_id(bridge: Bridge, run_id: str) -> int:
    try:
        return await bridge.last_event_id(run_id)
    except RunNotFoundError:  # the record says whether it is the run that there is not
        return 0


def _settled(status: RunStatus, at_questions: bool) -> bool:
    return status.terminal or (at_questions and status is RunStatus.AWAITING_INPUT)
