"""What crosses Temporal: a model in and one out for each workflow, update, signal and activity, and all of its names.

Models only grow by optional fields, so that a history written by an older version still replays.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .types import CancelAction, RetryPolicy, RunStatus

RUN_WORKFLOW = "RunWorkflow"
THREAD_WORKFLOW = "ThreadWorkflow"
NOTIFY_WORKFLOW = "NotifyWorkflow"
STATE_WORKFLOW = "StateWorkflow"
PROBE_WORKFLOW = "ProbeWorkflow"
FIRE_WORKFLOW = "FireWorkflow"

SIGNAL_CANCEL = "cancel"
SIGNAL_INTERRUPT = "interrupt"
SIGNAL_RESUME = "resume"
SIGNAL_ADMIT = "admit"
SIGNAL_DELIVER = "deliver"
UPDATE_SUBMIT = "submit"
UPDATE_DELETE_THREAD = "remove_thread"
UPDATE_STATE = "update_state"
UPDATE_ANSWER = "answer"
UPDATE_STOP = "request_cancel"
QUERY_STATUS = "status"

ACTIVITY_RUN_SUPERSTEPS = "run_supersteps"
ACTIVITY_ANNOUNCE_QUESTIONS = "announce_questions"
ACTIVITY_RESTORE_THREAD = "restore_thread"
ACTIVITY_FINISH_RUN = "finish_run"
ACTIVITY_DELETE_THREAD = "delete_thread"
ACTIVITY_CHANGE_STATE = "change_state"
ACTIVITY_READ_STATE = "read_state"
ACTIVITY_REQUEST_STOP = "request_stop"
ACTIVITY_WATCH_RUN = "watch_run"
ACTIVITY_DELIVER_EVENTS = "deliver_events"
ACTIVITY_FIRE_CRON = "fire_cron"

# Types of the application errors that cross Temporal.
ERROR_GRAPH = "GraphError"
ERROR_WORKER_SHUTDOWN = "WorkerShutdown"
ERROR_RUN_GONE = "RunGone"
ERROR_THREAD_BUSY = "ThreadBusy"
ERROR_NOT_AWAITING = "NotAwaitingInput"
ERROR_NOT_CHECKED = "AnswerNotChecked"
ERROR_STATE_REFUSED = "StateRefused"
ERROR_THREAD_GONE = "ThreadGone"
ERROR_NOT_SERVED = "GraphNotServed"
ERROR_OTHER_INSTALLATION = "OtherInstallation"

TERMINATED = "Terminated"
"""The type of the error of a run whose workflow was ended from outside."""

REFUSED_ANSWER = "RefusedAnswer"
"""The type of the error of a run that waits, and to which an answer was given that could not be delivered."""

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


def notify_workflow_id(run_id: str) -> str:
    """The id of the workflow that tells observers what a worker could not tell them at once."""
    return f"notify-{run_id}"


def state_workflow_id(read_id: str) -> str:
    """The id of the workflow that has a worker read the state of a thread."""
    return f"state-{read_id}"


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
    preview: bool = True
    """Show the beginnings of questions in the Temporal UI."""
    max_takeovers: int | None = 5
    """Workers that may be lost in a row, beyond the first, without a completed superstep between them."""


class Answer(Wire):
    """A human's answer: the value for the only open interrupt, or `{interrupt_id: value}`."""

    value: Any = None
    ref: str | None = None
    """Where a large one is in the store; then `value` has no more than its keys, if it is one by ids."""
    checked: bool = False
    """The caller has seen that it fits what is open, which a workflow cannot where the questions are in the store."""


class Question(Wire):
    """An open interrupt. All of it is in the store and in the stream, not here."""

    id: str
    text: str = ""
    """Its beginning, for the Temporal UI; empty where previews are switched off."""
    answered: int = 0
    """How many answers its task had consumed when it was asked: tells a delivered answer from a new question."""


class DeliveredAnswer(Wire):
    """An answer on its way to the graph; delivered again only while its task has consumed no more of them."""

    id: str
    value: Any = None
    answered: int = 0


class RunInput(Wire):
    """The input of a run's workflow. The spec itself is in the store."""

    installation: str | None = None
    """Whose stores have the run; `None`: not known, as of those that an older version started."""
    run_id: str
    thread_id: str
    assistant_id: str
    limits: RunLimits = RunLimits()
    sequence: int = 0
    admitted: bool = False
    user_id: str | None = None
    progress: RunProgress | None = None
    """Where an earlier execution of this run left off (continue-as-new)."""
    trace: str | None = None
    """The W3C traceparent of the call that created the run, when that is traced."""
    last_slice_ends: bool = False
    """The slice in which the graph is done ends the run, too. Histories of before have an activity for that."""
    tells_thread: bool = False
    """Its thread's workflow is not its parent, and is told of its end by who writes that."""
    task_queue: str | None = None
    """Where the graph executes, as it was when the run was created; `None`: on the workflow's own task queue."""


class RunProgress(Wire):
    """The whole state of a run's workflow."""

    status: RunStatus = RunStatus.PENDING
    shown: RunStatus = RunStatus.PENDING  # in the search attributes
    admitted: bool = False
    cancel: CancelAction | None = None
    interrupt: bool = False  # stop at the next superstep boundary
    timeout: str | None = None  # why the run has to end as `timeout`
    deadline: float | None = None  # Unix time at which `run_timeout` is over
    slices: int = 0
    fence: int = 0
    takeovers: int = 0
    """Attempts of activities beyond the first: how often a worker took the run over."""
    steps: int = 0
    next: list[str] = Field(default_factory=list[str])
    graph_attempts: int = 1
    questions: list[Question] = Field(default_factory=list[Question])
    breakpoint: str | None = None
    """The checkpoint at which a breakpoint holds the run, or held it last: that one may be passed."""
    answers: list[DeliveredAnswer] = Field(default_factory=list[DeliveredAnswer])
    resumed: bool = False
    """As in `SliceInput`."""
    holder: str | None = None
    """The task queue of the worker that holds the run's graph, alive, for the next slice."""
    trouble: str | None = None  # what fails again and again, and how often
    gone: str | None = None
    """The task queue of a worker that shuts down, and has said that it holds the run's graph no more."""
    more: int = 0  # nodes beyond those in `next`
    asked: int = 0
    """How many questions are open where that are too many for a workflow: their ids are in the store."""
    asked_ref: str | None = None
    answering: list[Question] = Field(default_factory=list[Question])
    """What was open when the answer came: it is again, should the answer be refused."""
    given: Answer | None = None
    """The answer, where it is not in `answers`, or not with its values."""
    refused: str | None = None
    """Why the last answer could not be delivered."""
    spent: list[str] = Field(default_factory=list[str])
    """What is in the store for questions that have had their answers."""


class RunOutcome(Wire):
    """The result of a run's workflow."""

    run_id: str
    status: RunStatus
    steps: int = 0
    error: str | None = None
    error_type: str | None = None
    next: list[str] = Field(default_factory=list[str])  # the nodes at which it stopped
    cancelled: bool = False
    """It was stopped, and Temporal was asked to show its workflow as such."""


class RunWork(Wire):
    """One activity for a run."""

    installation: str | None = None
    """As in `RunInput`: a worker of another one has none of its records, and does nothing."""
    anywhere: bool = False
    """Also by a worker that does not serve the graph, and so has no values to write: those that do, do not answer."""
    run_id: str
    thread_id: str
    sequence: int = 0
    """As in `RunInput`: the client may have died before it wrote it down."""
    fence: int
    """Larger for each activity of a run; the attempt of the activity is added to its low bits."""
    user_id: str | None = None
    tells_thread: bool = False
    """As in `RunInput`."""
    trace: str | None = None
    """The W3C traceparent of the call that created the run, when that is traced."""


class SliceInput(RunWork):
    """One `run_supersteps` activity."""

    assistant_id: str | None = None
    """The graph: a worker that does not serve it sends the slice on."""
    slice: int = 0
    takeovers: int = 0
    steps: int = 0
    """Supersteps of the run before this slice."""
    limits: RunLimits = RunLimits()
    breakpoint: str | None = None
    answers: list[DeliveredAnswer] = Field(default_factory=list[DeliveredAnswer])
    resumed: bool = False
    """It does not simply follow a slice that paused: a question was answered, or the graph is tried again.

    With `slice`, for workers without live graphs, which may serve the same task queue during a deploy. Others look at
    the thread whenever they have no graph of the run."""
    drain: bool = False
    """Stop at the first superstep boundary: an `interrupt` came before this slice began."""
    holder: str | None = None
    """As in `RunProgress`: another worker executes nothing, unless the holder was lost over this very slice."""
    lost: bool = False
    """The worker that was to go on was lost over it."""
    release: bool = False
    """Execute nothing: let go of the graph that is held, because the run ends."""
    given: Answer | None = None
    """As in `RunProgress`: `answers` are made of it."""
    asked_ref: str | None = None
    may_end: bool = False
    """When the graph is done, end the run."""


class SliceResult(Wire):
    """How a slice ended."""

    outcome: Literal["more", "done", "asks", "stopped", "timeout", "elsewhere"]
    """`elsewhere`: another worker holds the graph, and nothing was executed."""
    attempt: int = 1
    """How often the run was begun or taken over for it, counted from 1; with `elsewhere`, how often it was tried."""
    holder: str | None = None
    """With `more`: the task queue of the worker that holds the graph now; `None`: it is to be picked up."""
    steps: int = 0
    """Supersteps of the run so far."""
    next: list[str] = Field(default_factory=list[str])
    undelivered: list[str] = Field(default_factory=list[str])
    """Interrupts whose answers the graph had not taken when it paused."""
    questions: list[Question] = Field(default_factory=list[Question])
    breakpoint: str | None = None
    more: int = 0
    """Nodes beyond those in `next`."""
    asked: int = 0
    """How many questions there are when they are too many for `questions`."""
    refused: str | None = None
    """Why an answer could not be delivered: nothing was executed, and what was open is open."""
    ended: RunOutcome | None = None
    """With `done`: how the run has ended; `None`: its workflow has to see to that."""


class QuestionsInput(RunWork):
    """One `announce_questions` activity."""

    steps: int = 0
    keep_as: str | None = None
    """Keep the ids of the questions in the store, under this name."""
    refused: str | None = None
    """As in `SliceResult`."""
    spent: list[str] = Field(default_factory=list[str])
    """What may go from the store."""


RunInput.model_rebuild()
