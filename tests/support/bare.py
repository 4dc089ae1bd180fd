"""What bare LangGraph does with a graph, uninterrupted: its events, its answers taken, its final state."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from perdure import RunInterrupt
from perdure.contracts.serialization.serializer import from_json, to_json

from .comparison import Seen, mode_of, seen

Answer = Callable[[Sequence[RunInterrupt]], dict[str, Any]]
"""From open questions to `{interrupt_id: value}`."""


async def bare(
    graph: Any,
    given: Any,
    config: RunnableConfig,
    modes: Collection[str],
    *,
    subgraphs: bool,
    answer: Answer | None = None,
) -> tuple[list[Seen], Any]:
    """The events and the final state of a compiled graph. Each question gets its answer."""
    graph = graph.copy({"checkpointer": InMemorySaver()})
    # `checkpoints` beside it, as we do: LangGraph then gives the tasks their ids in the same way.
    options = {"stream_mode": [*modes, "checkpoints"], "subgraphs": subgraphs, "durability": "sync"}
    known, found = _Known(), list[Seen]()
    while True:
        raw = [_named(chunk if subgraphs else ((), *chunk)) async for chunk in graph.astream(given, config, **options)]
        found += [seen(*one) for one in known.new(raw) if mode_of(one[0]) in modes]
        state = await graph.aget_state(config, subgraphs=True)
        if not state.interrupts or answer is None:
            return found, from_json(to_json(state.values))
        given = Command(resume=answer([RunInterrupt(id=one.id, value=one.value) for one in state.interrupts]))


def _named(chunk: tuple[tuple[str, ...], str, Any]) -> tuple[str, Any]:
    ns, mode, data = chunk
    return "|".join((mode, *ns)), from_json(to_json(data))


class _Known:
    """Of one graph in several calls: a call after an answer reports again where the graph stands."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def new(self, raw: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any] | None] = []
        values: dict[str, int] = {}
        for name, data in raw:
            mode, _, ns = name.partition("|")
            identity = identity_of(mode, data)
            again = identity is not None and f"{ns} {identity}" in self._ids
            self._ids.update({f"{ns} {identity}"} if identity else ())
            cached = mode == "updates" and "__metadata__" in data
            if mode == "messages":
                again = self._is_repeated(data[0])
            if mode == "values" and "__interrupt__" not in data:
                values[ns] = len(found)
            if mode == "checkpoints" and (at := values.pop(ns, None)) is not None and again:
                found[at] = None
            found.append(None if again or cached else (name, data))
        for ns, at in values.items():  # the state beside an open question, which has no checkpoint of its own
            identity = f"{ns} {found[at]}"
            found[at] = None if identity in self._ids else found[at]
            self._ids.add(identity)
        return [one for one in found if one is not None]

    def _is_repeated(self, message: Any) -> bool:
        """A message is reported as a whole, too, unless its tokens have come in the same call."""
        token, id = message["type"] == "AIMessageChunk", f"message {message['id']}"
        again = not token and id in self._ids
        self._ids.add(id)
        return again


def identity_of(mode: str, data: Any) -> str | None:
    """What tells a report from others of its mode, if it may come again."""
    payload = cast("dict[str, Any]", data["payload"] if mode == "debug" else data)
    if mode == "checkpoints" or (mode == "debug" and data["type"] == "checkpoint"):
        return f"{mode} {payload['config']['configurable']['checkpoint_id']}"
    if mode in ("tasks", "debug") and "result" not in payload:
        return f"{mode} {payload['id']}"
    return None
