"""The public vocabulary: what a run is asked to be, and what is known of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .identifiers import Identifier
from .serialization.text import Text

TEN_YEARS = 10 * 365 * 86400.0
"""Seconds. No wait is longer: Temporal refuses, or overflows on, what is much longer."""
Seconds = Annotated[float, Field(ge=0, le=TEN_YEARS, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=TEN_YEARS, allow_inf_nan=False)]

StreamMode = Literal["values", "updates", "messages", "events", "custom", "tasks", "checkpoints", "debug", "tools"]
STREAM_MODES: tuple[str, ...] = get_args(StreamMode)
EVENTS_MODE = "events"
"""LangChain's stream events, which are no mode of LangGraph's `astream`."""


class RunStatus(StrEnum):
    """`pending → running → success | error | timeout | interrupted | rolled_back`, and
    `running ⇄ awaiting_input`. A terminal status never changes."""

    PENDING = "pending"
    RUNNING = "running"
    AWAITING_INPUT = "awaiting_input"
    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    ROLLED_BACK = "rolled_back"

    @property
    def terminal(self) -> bool:
        """Whether the run has ended."""
        return self not in (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.AWAITING_INPUT)


class MultitaskStrategy(StrEnum):
    """What a new run does when its thread has a run in flight. The names are LangGraph's server's."""

    REJECT = "reject"
    ENQUEUE = "enqueue"
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class CancelAction(StrEnum):
    """How a cancelled run leaves its thread: as it stands, or as it was before the run."""

    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class Stop(StrEnum):
    """What the stop channel asks of a run that executes: end now, or at the next superstep boundary."""

    AT_BOUNDARY = "at_boundary"
    NOW = "now"


class Frozen(BaseModel):
    """Base of the public models: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RunScope(Frozen):
    """Where a run happens. `stateful`: on the thread `thread_id`. `stateless`: on a thread of its own."""

    kind: Literal["stateful", "stateless"] = "stateful"
    thread_id: Identifier | None = None
    temporary: bool = False
    """The thread is not meant to outlive its runs; recorded for those who clean up."""

    @model_validator(mode="after")
    def _thread_matches_kind(self) -> RunScope:
        if self.kind == "stateful" and self.thread_id is None:
            raise ValueError("a stateful run needs scope.thread_id; use kind='stateless' for a run without a thread")
        if self.kind == "stateless" and self.thread_id is not None:
            raise ValueError("a stateless run has a thread of its own: leave scope.thread_id out")
        return self


class CheckpointRequest(Frozen):
    """Start from an older checkpoint of the thread instead of its newest."""

    checkpoint_id: str | None = None
    checkpoint: Mapping[str, Any] | None = None
    """Instead of the id, LangGraph's `{thread_id, checkpoint_ns, checkpoint_id, checkpoint_map}`."""


class RunCommand(Frozen):
    """LangGraph's `Command` as data: an answer to interrupts, a state update, the next nodes."""

    resume: Any = None
    update: Any = None
    goto: str | tuple[str, ...] = ()

    @model_validator(mode="after")
    def _does_something(self) -> RunCommand:
        if self.resume is None and self.update is None and not self.goto:
            raise ValueError("the command is empty: give it resume (null is no answer here), update or goto")
        return self


class RetryPolicy(Frozen):
    """Retries of a run whose graph raised. Failures of the machine are always retried and not counted."""

    max_attempts: int = Field(default=1, ge=1)
    """Attempts in all, the first included."""
    initial_interval: PositiveSeconds = 1.0
    """Seconds before the second attempt."""
    backoff: float = Field(default=2.0, ge=1, le=1000, allow_inf_nan=False)
    """Factor from one wait to the next."""
    max_interval: PositiveSeconds = 60.0
    """Seconds that a wait never exceeds."""
    retry_on: tuple[str, ...] = ()
    """Names of exception classes (`ValueError` or `package.module.Name`); empty means every one."""


class RunSpec(Frozen):
    """Everything that defines a run. Only `assistant_id` and a thread are required."""

    assistant_id: str = Field(min_length=1)
    """The name of the graph in `langgraph.json` (or of the worker's `graphs=`)."""
    scope: RunScope
    run_id: Identifier | None = None
    """The idempotency key: submitting the same id again is the same run. Made when absent."""

    input: Any = None
    """The graph's input; `None` goes on from the thread's newest checkpoint.

    Where the thread is at its end, there is nothing to do, and the run succeeds at once. A thread without any state
    is an error.
    """
    command: RunCommand | None = None
    """Instead of `input`: resume, update or goto."""
    runnable_config: dict[str, Any] = Field(default_factory=dict[str, Any])
    """LangChain's config: `configurable`, `tags`, `metadata`, `recursion_limit`, `run_name`, `max_concurrency`."""
    context: Any = None
    """The run-scoped context of the graph's `context_schema`."""
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Kept in the record, and passed to the graph in its config's metadata."""
    thread_metadata: dict[str, Any] | None = None
    """What goes into the metadata of the thread; `None`: `metadata`."""
    annotations: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Kept with the spec for whoever has made it. Neither the graph nor the record has it."""

    stream_modes: tuple[StreamMode, ...] = ("values",)
    stream_subgraphs: bool = False
    """Also publish the events of subgraphs, as `mode|namespace`."""
    stream_resumable: bool = True
    on_disconnect: Literal["continue", "cancel"] = "continue"
    """What becomes of the run when the client that created the stream goes away before its end."""
    on_completion: Literal["delete", "keep"] | None = None
    multitask_strategy: MultitaskStrategy = MultitaskStrategy.ENQUEUE
    interrupt_before: tuple[str, ...] | Literal["*"] = ()
    interrupt_after: tuple[str, ...] | Literal["*"] = ()
    checkpoint_request: CheckpointRequest | None = None
    follow_up_to_run_id: Identifier | None = None
    webhook: str | None = None
    """An http(s) URL that is called when the run has ended (`docs/observers.md`)."""
    feedback_keys: tuple[str, ...] = ()
    after_seconds: Seconds = 0.0
    """Seconds from the submission until the run may start. It waits durably, and keeps its place in its thread."""
    durability: Literal["sync", "async", "exit"] | None = None
    """LangGraph's durability mode; `None` means `sync`: each superstep is saved before the next one starts."""
    on_interrupt: Literal["await", "finish"] = "await"
    """At a graph's `interrupt()`: stay open as `awaiting_input`, or end as `interrupted`."""

    run_timeout: PositiveSeconds | None = None
    """Seconds for the whole run, waiting included. `None`: the setting `runs.run_timeout`."""
    step_timeout: PositiveSeconds | None = None
    """Seconds for one activity, that is for one superstep or for a batch of fast ones; the graph is stopped then."""
    awaiting_timeout: PositiveSeconds | None = None
    """Seconds that a question may wait for its answer."""
    retry: RetryPolicy = RetryPolicy()

    @model_validator(mode="before")
    @classmethod
    def _lists_become_tuples(cls, data: Any) -> Any:
        # A single mode or node is a natural thing to write; a string must not be read as its letters.
        if isinstance(data, Mapping):
            data = dict(cast("Mapping[str, Any]", data))
            for name in ("stream_modes", "interrupt_before", "interrupt_after"):
                value = data.get(name)
                if isinstance(value, str) and value != "*":
                    data[name] = (value,)
        return data

    @model_validator(mode="after")
    def _fields_fit_together(self) -> RunSpec:
        if self.command is not None and self.input is not None:
            raise ValueError("input and command exclude each other: a run starts from one of them")
        if not self.stream_modes:
            raise ValueError(f"stream_modes is empty; use one or more of {', '.join(STREAM_MODES)}")
        if self.scope.kind == "stateful" and self.on_completion is not None:
            raise ValueError("on_completion is for stateless runs: a thread outlives its runs")
        return self


class RunError(Frozen):
    """Why a run failed."""

    type: Text
    """The exception's class, with its module unless it is a built-in."""
    message: Text
    traceback: Text | None = None


class RunTrouble(Frozen):
    """Why a run does not get on: attempts at its superstep that failed, and are repeated.

    Or nobody executes it: `NoWorkerError`, as long as no worker serves its task queue.
    """

    type: Text
    """What failed last: `WorkerLostError` is a worker that was killed or froze."""
    message: Text
    count: int
    """How many attempts have failed in a row. 0: it waits, and nothing has failed."""
    lost: int = 0
    """How many of them have lost their worker; `runs.max_takeovers` is their limit."""
    waiting: bool = False
    """It has lost so many that it executes only while no other such run does in its worker, and waits for that."""
    since: datetime


class RunInterrupt(Frozen):
    """A question that a graph asked with `interrupt()`, or a breakpoint that it reached."""

    id: str
    value: Any = None
    namespace: tuple[str, ...] = ()


class RunRecord(Frozen):
    """What is known of a run. Times are UTC."""

    run_id: str
    thread_id: str
    assistant_id: str
    status: RunStatus = RunStatus.PENDING
    temporary: bool = False
    multitask_strategy: MultitaskStrategy = MultitaskStrategy.ENQUEUE
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    thread_metadata: dict[str, Any] | None = None
    """What the run has added to its thread's metadata; `None`: its own."""
    follow_up_to_run_id: str | None = None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: RunError | None = None
    sequence: int | None = None
    """The run's place in its thread's order of admission, from 1; `None` until it is submitted."""
    attempt: int = 0
    """How many times the run was begun or taken over by a worker."""
    steps: int = 0
    """Supersteps completed."""
    cancel_action: CancelAction | None = None
    user_id: str | None = None
    title: str | None = None
    usage: dict[str, Any] | None = None
    trouble: RunTrouble | None = None
    """What keeps it from getting on; `None` once it does."""


class RunPage(Frozen):
    """A page of a list of runs, the newest first."""

    runs: tuple[RunRecord, ...] = ()
    next: str | None = None
    """The `before` of the next page; `None`: there are no more."""


class WaitResult(Frozen):
    """How a run stands when `wait` returns: at its end, or at a question."""

    run_id: str
    thread_id: str
    status: RunStatus
    values: Any = None
    """The final state of the graph, as the `values` event has it; of a run that failed or was stopped, that of its last
    completed superstep. `None` when it has executed nothing."""
    error: RunError | None = None
    interrupts: tuple[RunInterrupt, ...] = ()


class StreamEvent(Frozen):
    """One event of a run's stream, in the shape of a server-sent event."""

    id: str
    """A decimal number: dense and ascending within a run. A `heartbeat` or `gap` repeats the id before it."""
    event: str
    """`metadata`, a stream mode (`mode|namespace` for a subgraph), `awaiting_input`, or a terminal event."""
    data: Any = None


TERMINAL_EVENTS = ("end", "error", "cancel")
"""The names of a stream's last event."""

HEARTBEAT_EVENT = "heartbeat"
GAP_EVENT = "gap"
METADATA_EVENT = "metadata"
AWAITING_INPUT_EVENT = "awaiting_input"


def new_run_id() -> str:
    """A fresh run id."""
    return str(uuid.uuid4())
