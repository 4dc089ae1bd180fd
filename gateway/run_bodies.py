"""What clients send about runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..contracts.types import MultitaskStrategy, Seconds
from .bodies import Body, CheckpointRef
from .ids import CheckpointId, RunId, ThreadId

ApiMode = Literal[
    "values", "updates", "messages", "messages-tuple", "events", "debug", "custom", "tasks", "checkpoints"
]
"""The stream modes of the API."""


def _listed(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


Modes = Annotated[list[ApiMode], BeforeValidator(_listed)]
Nodes = Annotated[list[str] | Literal["*"], BeforeValidator(lambda given: _listed(given) if given != "*" else given)]
StatusName = Literal["pending", "running", "success", "error", "timeout", "interrupted"]


class CommandBody(Body):
    """LangGraph's `Command`."""

    resume: Any = None
    update: Any = None
    goto: Any = None

    @model_validator(mode="after")
    def _goes_to_nodes(self) -> CommandBody:
        if not self.goto:
            return self
        if not isinstance(self.goto, str) and not (
            isinstance(self.goto, list) and all(isinstance(node, str) for node in self.goto)  # pyright: ignore[reportUnknownVariableType]
        ):
            raise ValueError("goto: names of nodes; a Send is not possible here")
        return self

    @property
    def is_empty(self) -> bool:
        """Clients send it with nothing in it, too."""
        return self.resume is None and self.update is None and not self.goto


class ConfigBody(Body):
    """LangChain's config."""

    tags: list[str] | None = None
    recursion_limit: int | None = Field(default=None, ge=1)
    configurable: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    run_name: str | None = None
    max_concurrency: int | None = Field(default=None, ge=1)


class RunCreateStateless(Body):
    """A run on a thread of its own."""

    assistant_id: str = Field(min_length=1)
    """The name of a graph, or an assistant's id."""
    input: Any = None
    """Null goes on from the checkpoint."""
    command: CommandBody | None = None
    """Instead of the input."""
    stream_mode: Modes | None = None
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    """Each stream is, whatever is said here."""
    config: ConfigBody | None = None
    context: Any = None
    metadata: dict[str, Any] | None = None
    interrupt_before: Nodes | None = None
    interrupt_after: Nodes | None = None
    after_seconds: Seconds | None = None
    durability: Literal["sync", "async", "exit"] | None = None
    checkpoint_during: bool | None = None
    """False is the older word for `durability: exit`."""
    on_disconnect: Literal["cancel", "continue"] | None = None
    on_completion: Literal["delete", "keep"] | None = None
    webhook: str | None = None
    feedback_keys: list[str] | None = None
    """Without LangSmith there are no feedback URLs: accepted, and nothing is sent."""
    langsmith_tracer: dict[str, Any] | None = None
    """Accepted, and kept with the run."""

    @model_validator(mode="after")
    def _fields_fit_together(self) -> RunCreateStateless:
        if self.command is not None and self.command.resume is not None and type(self) is RunCreateStateless:
            raise ValueError("command.resume: a stateless run has no thread that could have asked")
        return self


class RunCreate(RunCreateStateless):
    """A run on a thread."""

    checkpoint: CheckpointRef | None = None
    checkpoint_id: CheckpointId | None = None
    multitask_strategy: MultitaskStrategy | None = None
    if_not_exists: Literal["create", "reject"] | None = None


class RunsCancel(Body):
    """Which runs: all of a status, or some of a thread."""

    status: Literal["pending", "running", "all"] | None = None
    thread_id: ThreadId | None = None
    run_ids: list[RunId] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> RunsCancel:
        by_ids = self.thread_id is not None and self.run_ids is not None
        if (self.status is not None) == (self.thread_id is not None or self.run_ids is not None) or (
            self.status is None and not by_ids
        ):
            raise ValueError("either status, or thread_id and run_ids")
        return self
