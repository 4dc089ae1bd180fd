"""What of a graph a takeover cannot bring back, as far as can be seen: it lives for one call, or in one process.

A healthy run has all of it; the README's table says what becomes of it when another worker goes on. What a format loses
is LangGraph's `JsonPlusSerializer` (langgraph-checkpoint 4.3), tried type by type.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Iterator
from typing import Any, cast, get_args

from langgraph.channels.untracked_value import UntrackedValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel

from .graph_registry import CompiledGraph, GraphRegistry, subgraphs


def takeover_warnings(graphs: GraphRegistry) -> Iterator[str]:
    """One for each graph that has something to lose."""
    for name, graph in graphs.compiled():
        found = ["it is made for each run: what its factory opens is opened anew"] if graph is None else losses(graph)
        if found:
            yield f"after a takeover, {name} is without what lived in its worker: {'; '.join(found)}"


def losses(graph: CompiledGraph) -> list[str]:
    """One line for each, sorted; nested graphs included, where they are nodes."""
    found: set[str] = set()
    for one in (graph, *subgraphs(graph)):
        found.update(_of_channels(one))
        found.update(_of_parts(one, nested=one is not graph))
    return sorted(found)


def _of_channels(graph: CompiledGraph) -> Iterator[str]:
    for name, channel in cast("dict[str, Any]", graph.channels).items():
        for kind in _classes(_type_of(channel)):
            if why := _degrades(kind):
                yield f"{name} may hold {kind.__qualname__}, {why}"
        if isinstance(channel, UntrackedValue):
            yield f"{name} is an UntrackedValue: it is gone"


def _of_parts(graph: CompiledGraph, *, nested: bool) -> Iterator[str]:
    if isinstance(graph.store, InMemoryStore):
        yield "its store is an InMemoryStore: each worker has one of its own"
    if nested and isinstance(graph.checkpointer, InMemorySaver):
        yield f"{graph.get_name()} keeps its checkpoints in an InMemorySaver: each worker has one of its own"


def _type_of(channel: object) -> Any:
    try:
        return getattr(channel, "ValueType", None)
    except Exception:  # noqa: BLE001 - a channel of the user's own; nothing is known of it then
        return None


def _classes(kind: Any) -> Iterator[type]:
    """The classes in a type, at any depth of its arguments."""
    if arguments := get_args(kind):
        for argument in arguments:
            yield from _classes(argument)
    elif inspect.isclass(kind):
        yield kind


def _degrades(kind: type) -> str | None:
    """Why a value of this class does not come back as it was; `None` where it does."""
    fields = dataclasses.fields(cast("Any", kind)) if dataclasses.is_dataclass(kind) else ()
    found_by_name = bool(fields) or issubclass(kind, enum.Enum) or issubclass(kind, BaseModel)
    if found_by_name and "." in kind.__qualname__:
        return "which is not found by its name in its module: it comes back as plain data"
    if any(not field.init for field in fields):
        return "a dataclass with a field of init=False: it comes back as a dict"
    return None
