"""What every activity of a run is told: whose it is, and a fence larger than all before."""

from __future__ import annotations

from typing import TypedDict

from temporalio import workflow

from ..contracts.wire import RunInput, RunProgress


class Work(TypedDict):
    """What every `RunWork` says."""

    installation: str | None
    run_id: str
    thread_id: str
    sequence: int
    fence: int
    user_id: str | None
    tells_thread: bool
    trace: str | None


def next_work(run: RunInput, state: RunProgress) -> Work:
    """For the next activity. Its fence also rises after a reset, which takes the state back."""
    state.fence = max(state.fence + 1, int(workflow.time() * 1000))
    return {
        "installation": run.installation,
        "run_id": run.run_id,
        "thread_id": run.thread_id,
        "sequence": run.sequence,
        "fence": state.fence,
        "user_id": run.user_id,
        "tells_thread": run.tells_thread,
        "trace": run.trace,
    }
