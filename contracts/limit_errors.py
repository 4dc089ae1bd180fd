"""What is beyond a limit of the settings, or is not kept any more.

InvalidRunError
└── LimitError             more than `limits` in the settings allows
    └── ThreadFullError    as many runs wait in the line of the thread as may
RunStateError
├── StateTooLargeError     the state of a graph is larger than limits.state_size
└── StreamFullError        a graph tells more than limits.stream_events or limits.stream_size
RunNotFoundError
└── StreamRemovedError     the run has ended, and its stream is not kept any more
"""

from __future__ import annotations

from .errors import InvalidRunError, PerdureError, RunNotFoundError, RunStateError


class LimitError(InvalidRunError):
    """A run is beyond a limit of the settings; nothing was started, and nothing of it is left."""

    def __init__(self, setting: str, limit: int, what: str, *, field: str | None = None) -> None:
        """`what`: there is too much of it, and how much."""
        super().__init__(f"{what}, and limits.{setting} is {limit}: wait, take less, or raise the limit", field=field)
        self.setting = f"limits.{setting}"
        self.limit = limit


class ThreadFullError(LimitError):
    """As many runs wait in the line of the thread as may."""

    def __init__(self, thread_id: str, limit: int, told: str) -> None:
        super().__init__("queued_runs_per_thread", limit, f"thread {thread_id!r}: {told}", field="scope.thread_id")
        self.thread_id = thread_id


class StateTooLargeError(RunStateError):
    """A graph's state has become larger than the settings allow. The thread stands where it stood before."""

    def __init__(self, run_id: str, size: int, limit: int, largest: str) -> None:
        """`largest`: the channel that has most of it."""
        text = f"the state has become {size} bytes large (most of it is {largest!r}), and limits.state_size is {limit}"
        super().__init__(run_id, f"{text}: keep less in the state, or raise the limit")
        self.size = size
        self.limit = limit


class StreamFullError(RunStateError):
    """A graph tells more than its run's stream may have. The stream holds what came before."""

    def __init__(self, run_id: str, setting: str, limit: int, events: int, size: int) -> None:
        """`events`, `size`: what the stream holds; `size` in bytes."""
        super().__init__(
            run_id,
            f"its graph tells more than fits into its stream, which holds {events} events of {size} bytes, and "
            f"limits.{setting} is {limit}: stream fewer modes (`stream_modes`), say less, or raise the limit",
        )
        self.setting = f"limits.{setting}"
        self.limit = limit


class StreamRemovedError(RunNotFoundError):
    """The run has ended, and its stream is not kept any more. Its record is there, and its result."""

    def __init__(self, run_id: str) -> None:
        PerdureError.__init__(
            self,
            f"the stream of run {run_id!r} is not kept any more (`retention.streams` in the settings); its record and "
            f"its result are there: `perdure show {run_id}`, `perdure wait {run_id}`",
        )
        self.run_id = run_id
