"""The messages in the result of a root node, for a run that streams `messages`, and not those of its subgraphs.

At a node's end LangGraph streams those of its messages that it has not streamed yet. But we stream the subgraphs in
any case, to know where they stand, so LangGraph takes what they said for streamed, and it is left out: the words of a
model in a subgraph would come nowhere. So the messages of each result are noted here as well; which of them have come
is told by their keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langgraph.constants import TAG_HIDDEN
from langgraph.types import Command
from pydantic import BaseModel

from ...contracts.recent import Recent
from ..run_events.task_paths import in_subgraph, is_node

Metadata = dict[str, Any]


class RootMessages(BaseCallbackHandler):
    """Hears the nodes of one live graph begin and end."""

    run_inline = True  # in the order of the stream

    def __init__(self) -> None:
        self._running: dict[UUID, tuple[Metadata, frozenset[str]]] = {}
        """With the ids of the messages that the node was given: they are not its own."""
        self._known = Recent[str]()
        """Ids that nodes before it were given."""
        self._found: dict[str, list[tuple[BaseMessage, Metadata]]] = {}

    def of(self, task_id: str) -> list[tuple[BaseMessage, Metadata]]:
        """The messages in the result of a finished task, each as a chunk of the mode `messages`; once."""
        return self._found.pop(task_id, [])

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: Metadata | None = None,
        **kwargs: Any,
    ) -> None:
        is_shown = metadata and is_node(kwargs.get("name"), metadata) and TAG_HIDDEN not in (tags or ())
        if metadata and is_shown and not in_subgraph(metadata):
            given = frozenset(message.id for message in _in_state(inputs) if message.id)
            self._running[run_id] = metadata, given
            for id in given:
                self._known.add(id)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> None:
        if running := self._running.pop(run_id, None):
            metadata, given = running
            task_id = str(metadata["langgraph_checkpoint_ns"]).rpartition(":")[2]
            known = (given, self._known)
            new = [message for message in _messages(outputs) if not any(message.id in ids for ids in known)]
            self._found[task_id] = [(message, metadata) for message in new]

    def on_chain_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        self._running.pop(run_id, None)


def _messages(result: Any) -> Iterator[BaseMessage]:
    if isinstance(result, BaseMessage):
        yield result
    elif isinstance(result, Command):
        yield from _messages(cast("Command[Any]", result).update)
    elif isinstance(result, list | tuple):
        for part in cast("Sequence[Any]", result):
            if isinstance(part, BaseMessage | Command):
                yield from _messages(part)
    else:
        yield from _in_state(result)


def _in_state(state: Any) -> Iterator[BaseMessage]:
    for value in _fields(state):
        parts = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else (value,)
        yield from (part for part in parts if isinstance(part, BaseMessage))


def _fields(state: Any) -> list[Any]:
    if isinstance(state, Mapping):
        return list(cast("Mapping[str, Any]", state).values())
    if isinstance(state, BaseModel):
        return [getattr(state, name) for name in type(state).model_fields]
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        return [getattr(state, field.name) for field in dataclasses.fields(state)]
    return []
