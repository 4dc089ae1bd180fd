"""What crosses Temporal to and from a thread's workflow. The names, and what a run needs, stand in `wire`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from .types import CancelAction, MultitaskStrategy
from .wire import RunInput, RunLimits, Wire

ERROR_LINE_FULL = "LineFull"
"""A submission is refused: `Submission.most_queued`."""
Moment = datetime
"""With a time zone."""
SIGNAL_RUN_ENDED = "run_ended"
WORKFLOW_TASK_TIMEOUT = timedelta(seconds=5)
"""Half of Temporal's: for so long a run stands still when a worker dies with one of its workflow tasks."""


class WatchInput(Wire):
    """One `watch_run` activity: wait for the end of a run that an earlier execution of its thread started."""

    run_id: str


class WatchResult(Wire):
    """How a watched run's workflow ended."""

    finished: bool
    """By itself, so that its record is written (`ended_by_itself`). Else it was terminated, timed out, or is gone."""
    cause: str | None = None


class Admission(Wire):
    """The answer to a submission."""

    run_id: str
    sequence: int
    """The run's place in its thread's order of admission, from 1."""
    queued: bool = False
    known: bool = False
    """The run id had been submitted before; nothing new was started."""


class ChangeStateInput(Wire):
    """One `change_state` activity, while no run of the thread executes."""

    thread_id: str
    fence: int
    change: StateChange
    anywhere: bool = False
    """As in `RunWork`."""


class DeleteThreadInput(Wire):
    """One `delete_thread` activity, while no run of the thread executes."""

    installation: str | None = None
    """As in `RunInput`."""
    thread_id: str
    never_started: list[str] = Field(default_factory=list[str])
    """Runs without an end that go, too."""
    user_id: str | None = None
    """Whose thread it has to be; `None`: anybody's."""
    unused_since: datetime | None = None
    """It stays if it was used then or later; `None`: whenever that was."""


class DeletionAnswer(Wire):
    """The thread has been removed."""

    existed: bool
    """It had a record, runs or state."""


class StateChange(Wire):
    """A change of a thread's state from outside. Its values are in the store, under its id."""

    installation: str | None = None
    """As in `RunInput`."""
    update_id: str
    assistant_id: str
    as_node: str | None = None
    """The node in whose name the values are written; `None`: LangGraph finds it."""
    checkpoint_id: str | None = None
    """The checkpoint to change; `None`: the newest."""
    user_id: str | None = None
    """Whose thread it has to be; `None`: anybody's."""
    prune: bool = False
    """Nothing is written: the history goes, and the newest state stays as it is."""


_UPDATE = "update-"


def update_owner(update_id: str) -> str:
    """Under which name a change of a state takes its fence, as a run does under its id."""
    return _UPDATE + update_id


def update_of(owner: str) -> str | None:
    """The change that has this name; `None`: it is a run's."""
    return owner.removeprefix(_UPDATE) if owner.startswith(_UPDATE) else None


class StateChanged(Wire):
    """The state was changed."""

    checkpoint_id: str
    """The checkpoint that the change has made; empty after a prune."""


GraphView = Literal["graph", "schemas", "subgraphs"]


class StateQuery(Wire):
    """One read of a thread's state, by its graph. What is read is in the store, under the read's id."""

    view: GraphView | None = None
    """Of the graph itself instead of a state; it has no thread then."""
    xray: bool | int = False
    """How many levels of subgraphs a drawing shows; `True`: all."""
    below: str | None = None
    """The subgraph at this namespace only."""
    recurse: bool = False
    """Also the subgraphs of subgraphs."""

    anywhere: bool = False
    """As in `RunWork`."""
    installation: str | None = None
    """As in `RunInput`."""
    read_id: str
    thread_id: str
    assistant_id: str
    """The graph of the thread's latest run; a checkpoint that names another is shown by that one."""
    checkpoint_id: str | None = None
    """The state at this checkpoint; `None`: now."""
    limit: int | None = None
    """The history, at most so many of it, instead of one state."""
    before: str | None = None
    """The checkpoint before which the history begins; `None`: with the newest."""
    copy_to: str | None = None
    """The thread is copied to this one first, whose state is read then."""
    user_id: str | None = None
    """Whose thread it has to be when it has been copied; `None`: anybody's."""


class StateAnswer(Wire):
    """How a read ended."""

    more: bool = False
    """The history goes on where this part of it ends."""
    failure: str | None = None
    """Why the graph cannot show the state; nothing is in the store then."""
    copied: bool = False
    """What was to be copied is; a worker of an older version does not know how."""
    gone: bool = False
    """There was no such thread of this user any more once it was copied: the copy is removed."""


class Submission(Wire):
    """A run as its thread's workflow needs it, to decide."""

    installation: str | None = None
    """As in `RunInput`."""
    run_id: str
    assistant_id: str
    strategy: MultitaskStrategy = MultitaskStrategy.ENQUEUE
    limits: RunLimits = RunLimits()
    summary: str = ""
    """One line for the Temporal UI."""
    user_id: str | None = None
    trace: str | None = None
    """The W3C traceparent of the call that created the run, when that is traced."""
    task_queue: str | None = None
    """As in `RunInput`."""
    most_queued: int | None = None
    """It is refused where so many runs wait already; `None`: no limit."""
    shown_user: str | None = None
    """What the search attribute has of the user; empty: nothing. `None`: `user_id`."""

    @property
    def user_attribute(self) -> str | None:
        """The search attribute of whose run it is, if there is one."""
        return self.user_id if self.shown_user is None else self.shown_user or None


def run_input(
    thread_id: str, submission: Submission, *, sequence: int, admitted: bool, tells_thread: bool = False
) -> RunInput:
    """The input of a submitted run's workflow."""
    return RunInput(
        installation=submission.installation,
        run_id=submission.run_id,
        thread_id=thread_id,
        assistant_id=submission.assistant_id,
        limits=submission.limits,
        sequence=sequence,
        admitted=admitted,
        user_id=submission.user_id,
        tells_thread=tells_thread,
        trace=submission.trace,
        last_slice_ends=True,
        task_queue=submission.task_queue,
    )


class ThreadDeletion(Wire):
    """The request to remove a thread."""

    user_id: str | None = None
    """Whose thread it has to be; `None`: anybody's."""
    unused_since: datetime | None = None
    """It stays if it has a run in flight, or was used then or later; `None`: its runs are cancelled."""
    installation: str | None = None
    """As in `RunInput`."""


class ThreadInput(Wire):
    """The input of a thread's workflow."""

    installation: str | None = None
    """Whose stores have the thread: what another one asks is refused. `None`: as in `RunInput`."""
    thread_id: str
    state: ThreadState | None = None
    """Of the execution before."""
    in_flight: list[str] = Field(default_factory=list[str])
    """Without one: runs that go on, or wait, although no workflow of this thread did (it was terminated, say)."""
    last_sequence: int = 0
    """Without one: the last place that a run of the thread was given."""


class ThreadRun(Wire):
    """A run of a thread that has not ended."""

    submission: Submission
    sequence: int
    started: bool = False
    """Its workflow exists."""
    direct: bool = False
    """Its client starts it: it may have been started, and tells the thread of its end."""
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
    delete_up_to: int | None = None
    """The thread is to be removed: once the runs up to this sequence have ended, and before a later one starts."""
    never_started: list[str] = Field(default_factory=list[str])
    """Runs that were taken out of the line for that."""
    delete_of: str | None = None
    """Whose thread it has to be then."""
    delete_unused_since: datetime | None = None
    """It stays then if it was used since."""
    user_id: str | None = None
    """Whose runs the line has, as far as they say it."""
    installation: str | None = None
    """As in `ThreadInput`; of a thread that an older version began, that of its first submission since."""
    changing: bool = False
    """The thread's state is being changed from outside: no run executes meanwhile."""
