"""What the checkpoints of a back end are: LangGraph's saver for each run, fenced, and the way back to before the run.

How a thread is given back is told in `rollback`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from pydantic import BaseModel, Field

Place = tuple[str, str]
"""Of a checkpoint in its thread: the namespace of its graph, and its id."""
GONE = 2**62
"""The fence of a run that is not there: it was deleted, which outranks every attempt."""


class RunNote(BaseModel):
    """How a run's thread stood before the run's first superstep. Written once, read by every later attempt.

    Without it no rollback is possible. It is dropped when the run is settled.
    """

    checkpoint_id: str | None = None
    """The thread's newest root checkpoint; `None` for a thread without one."""
    step: int = -2
    """LangGraph's step number of that checkpoint; -2 is the one before a thread's first input."""
    command_writes: int = 0
    """Pending writes of LangGraph's null task at that checkpoint: more of them mean that a command was applied."""
    answered: dict[str, int] = Field(default_factory=dict[str, int])
    """Interrupt id to the number of answers that its task had consumed."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What is done in one transaction with a save.

    `fence`: when the run has a larger one, the save is refused. `keep`: the checkpoint, or the one that the writes
    belong to, may not be the run's own. So it is marked and its writes are copied first, for `restore`, unless that
    was done before, or the run has saved it.
    """

    run_id: str
    fence: int
    keep: bool = False


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run that has taken a fence."""

    run_id: str
    thread_id: str


class SaveHooks(Protocol):
    """What a run does around each save, so that its stream and its checkpoints agree after a crash."""

    async def before_writes(
        self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]], *, namespace: str
    ) -> None:
        """Called before the writes of a finished task are saved."""
        ...

    def after_writes(self, task_id: str, *, saved: bool, given_up: bool = False) -> None:
        """Called when they are saved, or could not be. `given_up`: by the graph itself, which fails."""
        ...

    async def before_checkpoint(self, checkpoint_id: str, *, namespace: str) -> None:
        """Called before the checkpoint of a finished superstep is saved."""
        ...

    def after_checkpoint(self, checkpoint_id: str, *, saved: bool, given_up: bool = False) -> None:
        """Called when it is saved, or could not be. `given_up`: by the graph itself, which fails."""
        ...

    def loaded(self, found: CheckpointTuple) -> None:
        """Called when a checkpoint was read."""
        ...


class Checkpoints(ABC):
    """One back end. Its savers refuse the writes of an attempt that a newer one has replaced."""

    @property
    @abstractmethod
    def saver(self) -> BaseCheckpointSaver[Any]:
        """LangGraph's saver, unfenced: for reading. Its `serde` is a `Serializer`, which builds what is allowed."""

    @abstractmethod
    async def start(self) -> None:
        """Connect and create the tables. Raises `UnavailableError`."""

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def take(self, run_id: str, thread_id: str, *, fence: int) -> None:
        """Take the fence of a run: from now on smaller ones are refused. Raises `FencedError`."""

    @abstractmethod
    async def check(self, run_id: str, *, fence: int) -> None:
        """Raises `FencedError` if the run has a larger fence, or is gone."""

    @abstractmethod
    async def put(
        self,
        guard: Guard,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> None:
        """Save a checkpoint as LangGraph's `aput` does. Raises `FencedError`.

        `metadata`: with what the config adds to it (LangGraph's `get_checkpoint_metadata`).
        """

    @abstractmethod
    async def put_writes(
        self, guard: Guard, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> None:
        """Save a task's writes as LangGraph's `aput_writes` does. Otherwise like `put`."""

    @abstractmethod
    async def note(self, run_id: str, note: RunNote | None = None) -> RunNote | None:
        """The note of a run. With `note`, writes it unless there is one already, and answers with the one kept."""

    @abstractmethod
    async def restore(self, run_id: str, thread_id: str, *, fence: int) -> None:
        """Give the thread back as it was before the run, in one step; take the fence. Repeating it changes nothing.

        A run that has written nothing needs no note, and has no effect but the fence. Raises `FencedError`, or,
        with nothing changed, `RollbackError`: somebody else's newer state would be lost, or the note is missing.
        """

    @abstractmethod
    async def settle(self, run_id: str) -> None:
        """The run has ended and will not be rolled back: drop what was kept, and its note. Idempotent."""

    @abstractmethod
    async def delete_thread(self, thread_id: str) -> None:
        """Remove everything of the thread, the fences of its runs included: these may write no more. Idempotent.

        A `take` lets its run write again, so what takes fences has to look first whether its run still exists.
        """

    @abstractmethod
    async def copy_thread(self, thread_id: str, copy_id: str) -> None:
        """Give another thread all checkpoints of this one, as they are at one moment, with their pending writes.

        No fence, note or mark goes with them. A thread that has checkpoints stays as it is, so repeating it changes
        nothing.
        """

    @abstractmethod
    async def newest(self, thread_id: str) -> list[Place]:
        """The newest checkpoint of each graph of the thread."""

    @abstractmethod
    async def prune_thread(self, guard: Guard, thread_id: str, kept: Collection[Place]) -> None:
        """Remove all checkpoints but these, and what belongs to them alone, in one step. Raises `FencedError`.

        While no run of the thread is under way.
        """

    @abstractmethod
    def outage(self, error: BaseException) -> bool:
        """Whether an error of the saver is the back end's (locked, full, gone) and not the graph's."""

    @abstractmethod
    async def forget(self, run_id: str) -> None:
        """Remove what is known of a run that is deleted: its fence, its note, what was kept. Its state stays."""

    @abstractmethod
    async def known(self, *, after: str = "", limit: int = 500) -> list[KnownRun]:
        """The runs that have taken a fence and were not forgotten, in an order of their ids, behind the run `after`."""
