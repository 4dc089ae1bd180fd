"""Every error that Perdure raises.

PerdureError
├── InvalidRunError            a field of a run is wrong                    (also a ValueError)
│   ├── UnknownGraphError      no worker serves a graph of this name
│   └── OtherInstallationError the thread is another project's, in the same namespace
├── InvalidEventIdError        a `last_event_id` is not a number            (also a ValueError)
├── ConfigError                the settings are wrong
├── GraphLoadError             a graph of `langgraph.json` cannot be loaded
├── RunNotFoundError           no such run                                  (also a LookupError)
├── ThreadNotFoundError        no such thread                               (also a LookupError)
│   └── ThreadTakenError       a run for a thread that is another user's    (also an InvalidRunError)
├── CronNotFoundError          no such cron                                 (also a LookupError)
├── RunStateError              the run's status does not allow it
│   ├── MissingNodeError       a run stands at a node that its graph does not have any more
│   ├── RollbackError          the thread cannot be put back as it was before the run
│   └── TypeNotAllowedError    what was stored names a class that may not be built
├── UnstorableError            a graph has written what no checkpoint can hold   (also a TypeError)
├── ThreadBusyError            `reject`: the thread has a run in flight
├── ThreadExistsError          a thread of this id is there already
├── UnavailableError           something that a call needs is not there
│   ├── TemporalUnreachableError
│   ├── NoWorkerError          nobody polls the task queue
│   ├── GraphNotServedError    no worker that is there serves the graph
│   ├── StateUnreadableError   no graph shows the state of the thread
│   └── DevServerError         the development server cannot be started
├── ActorRequiredError         no actor is bound, and one is needed         (also a LookupError)
├── WorkerStoppedError         a worker has stopped serving by itself
├── FencedError                a newer attempt of the run has taken over
└── StreamEndedError           a write to a stream that has had its terminal event
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .advice import STORED_INSTEAD, SUBMIT_AGAIN
from .spelling import nearest as nearest


class PerdureError(Exception):
    """Base of all errors of Perdure. Its text says what happened, to which run, and what to do."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would call the constructor with the text, which is not what most of ours take.
        return _again, (type(self), self.args, dict(vars(self)))


class InvalidRunError(PerdureError, ValueError):
    """A field of a run is wrong; nothing was started or written."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class UnknownGraphError(InvalidRunError):
    """No worker serves a graph of this name."""

    def __init__(self, name: str, known: Iterable[str], served: str | None = None) -> None:
        """`served`: by whom."""
        known = sorted(known)
        super().__init__(
            f"unknown graph {name!r}{nearest(name, known)}; the workers serve: {served or ', '.join(known) or 'none'}",
            field="assistant_id",
        )
        self.name = name
        self.known = tuple(known)


class OtherInstallationError(InvalidRunError):
    """A thread is in use by a project with other stores, in the same namespace of Temporal; nothing was written."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(
            f"thread {thread_id!r} is in use by another installation, which has other stores, in this namespace of "
            "Temporal: choose another thread_id, or give each project a temporal.namespace of its own",
            field="scope.thread_id",
        )
        self.thread_id = thread_id


class InvalidEventIdError(PerdureError, ValueError):
    """A `last_event_id` is not the id of an event."""

    def __init__(self, value: object) -> None:
        super().__init__(f"last_event_id {value!r} is not an event id: it must be a whole number from 0 on")


class ConfigError(PerdureError):
    """The settings are wrong. The text names the key and what is allowed."""


class GraphLoadError(PerdureError):
    """A graph cannot be loaded. The text names the file, the attribute and the cause."""


class RunNotFoundError(PerdureError, LookupError):
    """There is no run of this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"no run {run_id!r}: it was never submitted, or it was deleted (`perdure runs` lists runs)")
        self.run_id = run_id


class ThreadNotFoundError(PerdureError, LookupError):
    """There is no thread of this id: it has neither runs nor state."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"no thread {thread_id!r}: it never had a run, or it was deleted")
        self.thread_id = thread_id


class ThreadTakenError(ThreadNotFoundError, InvalidRunError):
    """The thread is another user's, for whom alone it is there. Nothing was started or written."""

    def __init__(self, thread_id: str) -> None:
        text = f"thread_id {thread_id!r} is taken, and not yours; choose another"
        InvalidRunError.__init__(self, text, field="scope.thread_id")
        self.thread_id = thread_id


class CronNotFoundError(PerdureError, LookupError):
    """There is no cron of this id, or it is another user's."""

    def __init__(self, cron_id: str) -> None:
        super().__init__(f"no cron {cron_id!r} (`perdure cron list` lists them)")
        self.cron_id = cron_id


class RunStateError(PerdureError):
    """The run's status does not allow what was asked."""

    def __init__(self, run_id: str, message: str) -> None:
        super().__init__(f"run {run_id!r}: {message}")
        self.run_id = run_id


class MissingNodeError(RunStateError):
    """A run stands at a node that its graph does not have: a deploy has renamed or removed it. Its state is kept."""

    def __init__(self, run_id: str, node: str) -> None:
        PerdureError.__init__(self, f"node {node!r} is not in the graph that is served now")
        self.run_id = run_id
        self.node = node


class RollbackError(RunStateError):
    """The thread cannot be put back as it was before the run; it was left as it is."""


class TypeNotAllowedError(RunStateError):
    """What was stored names a class that may not be built when it is read back. What is stored stays as it is."""

    def __init__(self, types: Iterable[str], run_id: str = "") -> None:
        self.types = tuple(sorted({*types}))
        self.run_id = run_id
        names = ", ".join(self.types)
        whose = f"run {run_id!r}: " if run_id else ""
        setting = "[" + ", ".join(f'"{name}"' for name in self.types) + "]"
        PerdureError.__init__(
            self,
            f"{whose}what is stored of it names types that may not be built here: {names}. Of a type of yours, either "
            f"annotate the graph's state with it, or set checkpointer.allowed_types: {setting} for all workers "
            "(it must be importable there: a class of a program's main module is not), then run it again",
        )

    def of(self, run_id: str) -> TypeNotAllowedError:
        """The same, of this run."""
        return TypeNotAllowedError(self.types, run_id)


class UnstorableError(PerdureError, TypeError):
    """A graph has written a value that no checkpoint can hold."""

    def __init__(self, run_id: str, nodes: Iterable[str], place: str, kind: str) -> None:
        self.run_id, self.nodes, self.place, self.kind = run_id, tuple(nodes), place, kind
        names = ", ".join(map(repr, self.nodes))
        who = f"node{'s' if len(self.nodes) > 1 else ''} {names} wrote" if names else "the graph wrote"
        super().__init__(
            f"run {run_id!r}: {who} a value that cannot be stored: Type is not msgpack serializable: {kind}, at "
            f"{place}. Keep such objects out of the state (in the context, a closure or an UntrackedValue), or write "
            "what they are made of"
        )


class ThreadBusyError(PerdureError):
    """The thread has a run in flight and the new run's strategy is `reject`; nothing was started."""

    def __init__(self, thread_id: str, run_id: str) -> None:
        advice = "wait for it, cancel it, or submit with the strategy enqueue or interrupt"
        super().__init__(f"thread {thread_id!r} is busy with run {run_id!r}: {advice}")
        self.thread_id = thread_id
        self.run_id = run_id


class ThreadExistsError(PerdureError):
    """There is a thread of this id; nothing was written."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"thread {thread_id!r} exists; choose another thread_id, or say if_exists='do_nothing'")
        self.thread_id = thread_id


class UnavailableError(PerdureError):
    """Something that the call needs is not there now. It is safe to repeat the call."""


class WorkerStoppedError(PerdureError):
    """A worker has stopped serving by itself."""

    def __init__(self, task_queue: str, cause: str) -> None:
        runs = "its runs go on in other workers, or when one starts"
        super().__init__(f"the worker of the task queue {task_queue!r} has stopped serving ({cause}); {runs}")
        self.task_queue = task_queue


class TemporalUnreachableError(UnavailableError):
    """No Temporal server can be used at the address."""

    def __init__(self, address: str, cause: str, source: str | None = None) -> None:
        """`source`: who says the address, if it is not that of the development server."""
        where = f"{address}, as {source} says" if source else address
        advice = f"start it, or correct {source}" if source else "start one with `perdure dev`, or set temporal.address"
        super().__init__(f"Temporal cannot be used at {where} ({cause}); {advice}")
        self.address = address


class NoWorkerError(UnavailableError):
    """Nobody polls the task queue, so a run could not start, or a state could not be read."""

    def __init__(
        self,
        task_queue: str,
        waited: float,
        then: str = SUBMIT_AGAIN,
        *,
        others: Sequence[str] = (),
        workflow: str | None = None,
        graph: str | None = None,
    ) -> None:
        """`others`: workers of other installations. `workflow`: what goes on elsewhere. `graph`: whose queue it is."""
        super().__init__(f"{_nobody(task_queue, waited, others, workflow, graph)}; {then}")
        self.task_queue = task_queue


def _nobody(task_queue: str, waited: float, others: Sequence[str], workflow: str | None, graph: str | None) -> str:
    if others:
        return (
            f"the task queue {task_queue!r} is served by another installation only ({'; '.join(others)}), which has "
            f"other stores (waited {waited:g} s). Give this project a Temporal, a temporal.namespace or a "
            "temporal.task_queue of its own, or the stores (home) of the other"
        )
    if workflow is not None:
        return (
            f"the workflow {workflow!r} is one of the task queue {task_queue!r}, where nobody answers (waited "
            f"{waited:g} s). Start its worker, or choose another thread_id; if there is no such project any more, "
            f"end it with `temporal workflow terminate --workflow-id {workflow}`"
        )
    if graph is not None:
        where = f"serves the graph {graph!r} on its task queue {task_queue!r}"
        return f"no worker {where} (waited {waited:g} s). Start one with `perdure worker --queue {task_queue}`"
    start = "Start one with `perdure worker` or `perdure dev`"
    return f"no worker polls the task queue {task_queue!r} (waited {waited:g} s). {start}"


class GraphNotServedError(UnavailableError):
    """No worker that is there serves the graph; one that did has gone."""

    def __init__(self, graph: str, served: str, before: str, waited: float) -> None:
        super().__init__(
            f"no worker serves the graph {graph!r} now (waited {waited:g} s); there are: {served}. The last that "
            f"did, {before}. Start it again; {SUBMIT_AGAIN}"
        )
        self.graph = graph


class StateUnreadableError(UnavailableError):
    """No worker could have the graph show the state of the thread. The stored form of it can be read without one."""

    def __init__(self, thread_id: str, cause: str) -> None:
        super().__init__(f"the state of thread {thread_id!r} cannot be shown by its graph: {cause}; {STORED_INSTEAD}")
        self.thread_id = thread_id


class DevServerError(UnavailableError):
    """The development server cannot be found or started."""


class ActorRequiredError(PerdureError, LookupError):
    """What was called needs to know on whose behalf."""

    def __init__(self) -> None:
        super().__init__("no actor is bound here; call this inside `with perdure.bind_actor(user_id):`")


class FencedError(PerdureError):
    """A newer attempt of the run has taken over: this one must stop and writes nothing more."""

    def __init__(self, run_id: str, fence: int, current: int) -> None:
        super().__init__(f"run {run_id!r} was taken over by a newer attempt (fence {fence} < {current})")
        self.run_id = run_id
        self.fence = fence
        self.current = current


class StreamEndedError(PerdureError):
    """The run's stream has had its terminal event: nothing may follow it."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"the stream of run {run_id!r} has ended; nothing may be published after its terminal event")
        self.run_id = run_id


def _again(kind: type[PerdureError], arguments: tuple[Any, ...], carries: dict[str, Any]) -> PerdureError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(carries)
    return error
