"""What crosses Temporal: one model in and one out for each workflow, update, signal and activity,
and every name used on the wire.

Models only grow by optional fields, so that a history written by an older version still replays.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .types import CancelAction, MultitaskStrategy, RetryPolicy, RunError, RunStatus, Stop

RUN_WORKFLOW = "RunWorkflow"
THREAD_WORKFLOW = "ThreadWorkflow"

SIGNAL_CANCEL = "cancel"
SIGNAL_INTERRUPT = "interrupt"
SIGNAL_RESUME = "resume"
SIGNAL_ADMIT = "admit"
UPDATE_SUBMIT = "submit"
UPDATE_ANSWER = "answer"
QUERY_STATUS = "status"

ACTIVITY_RUN_SUPERSTEPS = "run_supersteps"
ACTIVITY_ANNOUNCE_QUESTIONS = "announce_questions"
ACTIVITY_FINISH_RUN = "finish_run"
ACTIVITY_REQUEST_STOP = "request_stop"
ACTIVITY_WATCH_RUN = "watch_run"

# Types of the application errors that cross Temporal.
ERROR_GRAPH = "GraphError"
ERROR_WORKER_SHUTDOWN = "WorkerShutdown"
ERROR_RUN_GONE = "RunGone"
ERROR_THREAD_BUSY = "ThreadBusy"
ERROR_NOT_AWAITING = "NotAwaitingInput"

SEARCH_THREAD_ID = "ThreadId"
SEARCH_ASSISTANT_ID = "AssistantId"
SEARCH_RUN_STATUS = "RunStatus"
SEARCH_USER_ID = "UserId"
SEARCH_ATTRIBUTES = (SEARCH_THREAD_ID, SEARCH_ASSISTANT_ID, SEARCH_RUN_STATUS, SEARCH_USER_ID)
"""All of them of Temporal's type Keyword."""


def run_workflow_id(run_id: str) -> str:
    """The id of a run's workflow."""
    return f"run-{run_id}"


def thread_workflow_id(thread_id: str) -> str:
    """The id of a thread's workflow."""
    return f"thread-{thread_id}"


class Wire(BaseModel):
    """Base of what crosses Temporal. Unknown fields are ignored: a newer side may send them."""

    model_config = ConfigDict(extra="ignore")


class RunLimits(Wire):
    """Times in seconds; `None` means no limit."""

    slice_budget: float = 0.25
    """An activity asks the graph to pause at a superstep boundary once it has run for this long."""
    heartbeat_timeout: float = 10.0
    step_timeout: float | None = None
    run_timeout: float | None = None
    awaiting_timeout: float | None = None
    after_seconds: float = 0.0
    on_interrupt: Literal["await", "finish"] = "await"
    retry: RetryPolicy = RetryPolicy()


class Answer(Wire):
    """A human's answer: the value for the only open interrupt, or `{interrupt_id: value}`."""

    value: Any = None


class Question(Wire):
    """An open interrupt. Its text is in the store and in the stream, not here."""

    id: str
    answered: int = 0
    """How many answers its task had consumed when it was asked: tells a delivered answer from a new question."""


class DeliveredAnswer(Wire):
    """An answer on its way to the graph; delivered again only while its task has consumed no more of them."""

    id: str
    value: Any = None
    answered: int = 0


class RunInput(Wire):
    """The input of a run's workflow. The spec itself is in the store."""

    run_id: str
    thread_id: str
    assistant_id: str
    limits: RunLimits = RunLimits()
    sequence: int = 0
    admitted: bool = False
    user_id: str | None = None
    progress: RunProgress | None = None
    """Where an earlier execution of this run left off (continue-as-new)."""


class RunProgress(Wire):
    """The whole state of a run's workflow."""

    status: RunStatus = RunStatus.PENDING
    shown: RunStatus = RunStatus.PENDING
    """The status in the search attributes."""
    admitted: bool = False
    cancel: CancelAction | None = None
    interrupt: bool = False
    """Stop at the next superstep boundary."""
    timeout: str | None = None
    """Why the run has to end as `timeout`."""
    deadline: float | None = None
    """Unix time at which `run_timeout` is over."""
    slices: int = 0
    fence: int = 0
    takeovers: int = 0
    """Attempts of activities beyond the first: how often a worker took the run over."""
    steps: int = 0
    next: list[str] = Field(default_factory=list[str])
    stalled: int = 0
    """Slices in a row that made no progress."""
    graph_attempts: int = 1
    questions: list[Question] = Field(default_factory=list[Question])
    breakpoint: str | None = None
    """The checkpoint at which a breakpoint holds the run, or held it last: that one may be passed."""
    answers: list[DeliveredAnswer] = Field(default_factory=list[DeliveredAnswer])
    resumed: bool = False
    """The next slice does not simply follow one that paused."""


class RunOutcome(Wire):
    """The result of a run's workflow."""

    run_id: str
    status: RunStatus
    steps: int = 0
    error: str | None = None


class SliceInput(Wire):
    """One `run_supersteps` activity."""

    run_id: str
    thread_id: str
    fence: int
    """Larger for each activity of a run; the attempt of the activity is added to its low bits."""
    slice: int = 0
    takeovers: int = 0
    steps: int = 0
    """Supersteps of the run before this slice."""
    limits: RunLimits = RunLimits()
    stalled: int = 0
    breakpoint: str | None = None
    answers: list[DeliveredAnswer] = Field(default_factory=list[DeliveredAnswer])
    resumed: bool = False
    """It does not simply follow a slice that paused: a question was answered, or the graph is tried again."""
    drain: bool = False
    """Stop at the first superstep boundary: an `interrupt` came before this slice began."""


class SliceResult(Wire):
    """How a slice ended."""

    outcome: Literal["more", "done", "asks", "stopped"]
    attempt: int = 1
    """The activity attempt that came through."""
    steps: int = 0
    """Supersteps of the run so far."""
    next: list[str] = Field(default_factory=list[str])
    progressed: bool = True
    undelivered: list[str] = Field(default_factory=list[str])
    """Interrupts whose answers the graph had not taken when it paused."""
    questions: list[Question] = Field(default_factory=list[Question])
    breakpoint: str | None = None


class QuestionsInput(Wire):
    """One `announce_questions` activity."""

    run_id: str
    thread_id: str
    fence: int
    steps: int = 0


class GraphFailure(Wire):
    """The details of the error with which `run_supersteps` reports that the graph raised."""

    error: RunError
    classes: list[str] = Field(default_factory=list[str])
    """The exception's class and its bases, for `RetryPolicy.retry_on`."""
    attempt: int = 1


class FinishInput(Wire):
    """One `finish_run` activity."""

    run_id: str
    thread_id: str
    fence: int
    status: RunStatus
    steps: int = 0
    """Supersteps of the run; a larger number in the record stays."""
    cancel_action: CancelAction | None = None
    error: RunError | None = None


class StopInput(Wire):
    """One `request_stop` activity."""

    run_id: str
    stop: Stop


class WatchInput(Wire):
    """One `watch_run` activity: wait for the end of a run that an earlier execution of its thread started."""

    run_id: str


class WatchResult(Wire):
    """How a watched run's workflow ended."""

    finished: bool
    """By itself, so that its record is written. Else it was terminated, or timed out, or is gone."""
    cause: str | None = None


class Submission(Wire):
    """A run as its thread's workflow needs it, to decide."""

    run_id: str
    assistant_id: str
    strategy: MultitaskStrategy = MultitaskStrategy.ENQUEUE
    limits: RunLimits = RunLimits()
    summary: str = ""
    """One line for the Temporal UI."""
    user_id: str | None = None


class Admission(Wire):
    """The answer to a submission."""

    run_id: str
    sequence: int
    """The run's place in its thread's order of admission, from 1."""
    queued: bool = False
    known: bool = False
    """The run id had been submitted before; nothing new was started."""


class ThreadRun(Wire):
    """A run of a thread that has not ended."""

    submission: Submission
    sequence: int
    started: bool = False
    """Its workflow exists."""
    admitted: bool = False
    """It may execute, and its workflow has been told so."""
    cancel: CancelAction | None = None
    cancel_told: bool = False


class ThreadState(Wire):
    """The whole state of a thread's workflow, carried over continue-as-new."""

    sequence: int = 0
    runs: list[ThreadRun] = Field(default_factory=list[ThreadRun])
    """In the order of admission; those that execute or finish come first."""
    recent: dict[str, int] = Field(default_factory=dict[str, int])
    """Run id to sequence of runs that ended lately, so that a repeated submission is recognised."""


class ThreadInput(Wire):
    """The input of a thread's workflow."""

    thread_id: str
    state: ThreadState | None = None


class RunStatusView(Wire):
    """The answer of the `status` query of a run's workflow."""

    run_id: str
    thread_id: str
    status: RunStatus
    steps: int = 0
    next: list[str] = Field(default_factory=list[str])
    questions: list[str] = Field(default_factory=list[str])


RunInput.model_rebuild()
